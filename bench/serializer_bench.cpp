/// What each serializer makes of each kind of message: encoded size, and the time to write and to
/// read it.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/seams/any_rpc_serializer.hpp"
#include "mainstay/serializer/binary/binary_serializer.hpp"
#include "mainstay/serializer/document/cbor_serializer.hpp"
#include "mainstay/serializer/document/json_serializer.hpp"
#include "mainstay/serializer/protobuf/protobuf_serializer.hpp"

namespace mainstay::bench {
namespace {

constexpr std::size_t commands = 100;
constexpr std::size_t command_bytes = 128;

shared_bytes payload(std::size_t size) { return shared_bytes::copy_of(std::string(size, 'x')); }

core::append_entries heartbeat() {
  return {term(7), log_index(1'000'000), term(7), log_index(999'999), 12'345, {}};
}

core::append_entries batch() {
  auto m = heartbeat();
  for (std::size_t i = 1; i <= commands; ++i) {
    m.entries.push_back({m.prev_log_index + i, m.term, core::entry_kind::command,
                         log_time{1'700'000'000'000'000}, payload(command_bytes)});
  }
  return m;
}

std::vector<std::pair<std::string, rpc_request>> requests() {
  return {
      {"request_vote", core::request_vote{term(7), log_index(1'000'000), term(6)}},
      {"heartbeat", heartbeat()},
      {"append_entries of 100 x 128 B", batch()},
      {"install_snapshot of 64 KiB",
       core::install_snapshot{term(7),
                              {log_index(1'000'000), term(7), 1ULL << 30, 0x9e3779b97f4a7c15},
                              1 << 20,
                              payload(64 << 10)}},
      {"timeout_now", core::timeout_now{term(7)}},
      {"read_index", core::read_index{term(7)}},
      {"forward_commands of 100 x 128 B",
       forward_commands{std::vector(commands, payload(command_bytes))}},
  };
}

std::vector<std::pair<std::string, rpc_response>> responses() {
  return {
      {"answer to request_vote", core::request_vote_response{term(7), true, false}},
      {"answer to append_entries",
       core::append_entries_response{
           .term = term(7), .success = true, .match_index = log_index(1'000'100), .round = 12'345}},
      {"answer to install_snapshot",
       core::install_snapshot_response{term(7), true, 2 << 20, log_index()}},
      {"answer to forward_commands of 100 x 16 B",
       forward_commands_response{std::vector<command_outcome>(commands, payload(16))}},
  };
}

result<rpc_request> decode(const any_rpc_serializer& serializer, const shared_bytes& bytes,
                           const rpc_request& /*kind*/) {
  return serializer.decode_request(bytes, {});
}

result<rpc_response> decode(const any_rpc_serializer& serializer, const shared_bytes& bytes,
                            const rpc_response& /*kind*/) {
  return serializer.decode_response(bytes, {});
}

template <class Rpc>
void add(const any_rpc_serializer& serializer, const std::string& message, const Rpc& rpc) {
  const auto bytes = serializer.encode(rpc).joined();
  const std::string name = std::string(serializer.name()) + "/" + message;
  benchmark::RegisterBenchmark((name + "/encode").c_str(),
                               [serializer, rpc, bytes](benchmark::State& state) {
                                 for (auto _ : state) {
                                   benchmark::DoNotOptimize(serializer.encode(rpc));
                                 }
                                 state.counters["bytes"] = static_cast<double>(bytes.size());
                               });
  benchmark::RegisterBenchmark((name + "/decode").c_str(),
                               [serializer, rpc, bytes](benchmark::State& state) {
                                 for (auto _ : state) {
                                   const auto decoded = decode(serializer, bytes, rpc);
                                   MAINSTAY_ASSERT(decoded.has_value());
                                 }
                                 state.counters["bytes"] = static_cast<double>(bytes.size());
                               });
}

void add_all(const any_rpc_serializer& serializer) {
  for (const auto& [name, rpc] : requests()) add(serializer, name, rpc);
  for (const auto& [name, rpc] : responses()) add(serializer, name, rpc);
}

}  // namespace
}  // namespace mainstay::bench

int main(int count, char** arguments) {
  using namespace mainstay;
  benchmark::Initialize(&count, arguments);
  bench::add_all(any_rpc_serializer(binary_serializer()));
  bench::add_all(any_rpc_serializer(json_serializer()));
  bench::add_all(any_rpc_serializer(cbor_serializer()));
  bench::add_all(any_rpc_serializer(protobuf_serializer()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
