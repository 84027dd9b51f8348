/// One RPC of every kind and shape, by the name of its golden file: what the tests of all
/// serializers write and read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mainstay/core/configuration.hpp"
#include "mainstay/seams/rpc.hpp"

namespace mainstay {

inline core::entry command(std::uint64_t index, std::uint64_t in_term, std::int64_t time,
                           std::string_view payload) {
  return {log_index(index), term(in_term), core::entry_kind::command, log_time{time},
          shared_bytes::copy_of(payload)};
}

/// Voters 1 at a:1 and 2 at b:2, in the first version of the form, which logs and peers still hold.
inline core::entry configuration_entry(std::uint64_t index) {
  std::string payload = "\1\2";
  payload += std::string("\1\0\0\0\0\0\0\0", 8) + "\3a:1";
  payload += std::string("\2\0\0\0\0\0\0\0", 8) + "\3b:2";
  payload += std::string(2, '\0');
  return {log_index(index), term(1), core::entry_kind::configuration, log_time{7},
          shared_bytes::copy_of(payload)};
}

inline core::append_entries append(std::vector<core::entry> entries) {
  return {term(5), log_index(10), term(4), log_index(9), 77, std::move(entries)};
}

/// One request of every kind and column, by the name of its golden file.
inline std::map<std::string, rpc_request> sample_requests() {
  return {
      {"request_vote", core::request_vote{term(7), log_index(1000), term(6), true, false}},
      {"request_vote_transfer", core::request_vote{term(7), log_index(1), term(6), false, true}},
      {"heartbeat", append({})},
      {"append_entries_usual", append({command(11, 5, 100, "one"), command(12, 5, 103, "two")})},
      {"append_entries_one_time", append({command(11, 5, -1, "a"), command(12, 5, -1, "")})},
      {"append_entries_irregular",
       append({command(3, 2, 1LL << 60, "x"),
               configuration_entry(99),
               {log_index(4), term(9), core::entry_kind::no_op, log_time{-5}, {}}})},
      {"install_snapshot", core::install_snapshot{term(5),
                                                  {log_index(50), term(4), 8192, 0xd19e57},
                                                  4096,
                                                  shared_bytes::copy_of("image")}},
      {"append_entries_session", append({command(11, 5, 100, "one"),
                                         {log_index(12), term(5), core::entry_kind::session,
                                          log_time{100}, shared_bytes::copy_of("use")}})},
      {"forward_commands_session",
       forward_commands{{shared_bytes::copy_of("open"), {}}, core::entry_kind::session}},
      {"timeout_now", core::timeout_now{term(5)}},
      {"read_index", core::read_index{term(5)}},
      {"forward_commands",
       forward_commands{{shared_bytes::copy_of("set a"), {}, shared_bytes::copy_of("get b")}}},
  };
}

inline std::map<std::string, rpc_response> sample_responses() {
  forward_commands_response outcomes;
  outcomes.outcomes.push_back(shared_bytes::copy_of("answer"));
  for (int code = 0; code <= static_cast<int>(error_code::unsupported); ++code) {
    outcomes.outcomes.push_back(std::unexpected(error{error_code(code), "why", node_id(3)}));
  }
  return {
      {"request_vote_response", core::request_vote_response{term(7), true, true}},
      {"append_entries_response",
       core::append_entries_response{term(5), true, log_index(12), log_index(3), term(2),
                                     log_index(10), 77}},
      {"append_entries_response_promise",
       core::append_entries_response{term(5), true, log_index(12), log_index(3), term(2),
                                     log_index(10), 77, 150'000}},
      {"install_snapshot_response",
       core::install_snapshot_response{term(5), true, 8192, log_index(50)}},
      {"timeout_now_response", core::timeout_now_response{term(5), true}},
      {"read_index_response", core::read_index_response{term(5), true, log_index(42)}},
      {"forward_commands_response", outcomes},
      {"forward_commands_response_covered",
       forward_commands_response{{shared_bytes::copy_of("answer")}, log_index(70)}},
      {"forward_commands_response_session",
       forward_commands_response{
           {std::unexpected(error{error_code::session_expired, "why", {}}),
            std::unexpected(error{error_code::stale_serial, "why", node_id(2)})}}},
  };
}

}  // namespace mainstay
