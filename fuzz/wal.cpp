/// Fuzzes the recovery of the write-ahead log from arbitrary files. The first byte chooses: plain
/// bytes as a segment, with its header made good or not; or records with any content, whose
/// checksums are made good, so that the rules behind the checksums are reached. What is accepted
/// must go on working.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mainstay/base/assert.hpp"
#include "mainstay/simulation/simulated_disk.hpp"
#include "mainstay/storage/wal/batch_builder.hpp"
#include "mainstay/storage/wal/inspect.hpp"
#include "mainstay/storage/wal/segmented_log.hpp"

namespace {

using namespace mainstay;
using simulation::simulated_disk;

const std::string directory = "log";
constexpr std::uint64_t segment_size = wal::min_segment_size;
constexpr std::uint64_t everything = ~std::uint64_t{0};

wal::log_options options() {
  wal::log_options made;
  made.directory = directory;
  made.identity = {cluster_id(7), node_id(1), incarnation(99)};
  made.bootstrap.voters = {{node_id(1), "host:1"}};
  made.segment_size = segment_size;
  return made;
}

/// Takes numbers from the front of the input; zeros behind its end.
class number_source {
 public:
  explicit number_source(std::span<const std::byte> bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = std::to_integer<std::uint8_t>(rest_[0]);
    rest_ = rest_.subspan(1);
    return value;
  }
  std::span<const std::byte> bytes(std::size_t wanted) {
    const auto taken = rest_.first(std::min(wanted, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const std::byte> rest_;
};

std::vector<std::byte> plain_segment(std::span<const std::byte> input, bool good_header) {
  std::vector<std::byte> bytes(segment_size);
  std::ranges::copy(input.first(std::min<std::size_t>(input.size(), segment_size)), bytes.begin());
  if (good_header) {
    wal::segment_header_bytes header;
    wal::encode(wal::segment_header{options().identity, 1, segment_size}, header);
    std::ranges::copy(header, bytes.begin());
  }
  return bytes;
}

/// Records with good checksums, in batches with good evidence, in as many segments as they need.
class forger {
 public:
  explicit forger(simulated_disk& files) : files_(&files) { begin_segment(); }

  void run(number_source input) {
    while (!input.empty() && sequence_ < 5) {
      const auto what = input.byte();
      if (what == 0xff) {
        end_batch();
      } else if (what == 0xfe) {
        end_segment();
      } else {
        record(what, input);
      }
    }
    end_segment();
  }

 private:
  void begin_segment() {
    ++sequence_;
    bytes_.assign(segment_size, std::byte{0});
    wal::segment_header_bytes header;
    seed_ = wal::encode(wal::segment_header{options().identity, sequence_, segment_size}, header);
    std::ranges::copy(header, bytes_.begin());
    offset_ = wal::segment_header_size;
  }

  void end_segment() {
    end_batch();
    files_->replace(directory + "/" + wal::segment_name(sequence_), bytes_);
    begin_segment();
  }

  void end_batch() {
    if (!builder_.open()) return;
    for (const auto piece : builder_.finish()) {
      std::ranges::copy(piece, bytes_.begin() + static_cast<std::ptrdiff_t>(offset_));
      offset_ += piece.size();
    }
    flushed_ = {sequence_, offset_};
    chain_ = builder_.chain();
    builder_.clear();
    payloads_.clear();
  }

  void record(std::uint8_t type, number_source& input) {
    wal::record_header header{.type = static_cast<wal::record_type>(type % 8)};
    header.kind = static_cast<std::uint8_t>(type / 8 % 4);
    header.group = group_id(input.byte() % 3);
    header.index = input.byte();
    header.term = input.byte() % 8;
    const auto taken = input.bytes(input.byte());
    const std::vector<std::byte> copy(taken.begin(), taken.end());
    const auto bootstrap = core::encode(options().bootstrap);
    const bool good_bootstrap = header.type == wal::record_type::bootstrap && copy.empty();
    add(header, good_bootstrap ? bootstrap.span() : std::span<const std::byte>(copy));
  }

  void add(const wal::record_header& header, std::span<const std::byte> payload) {
    const auto used = offset_ + std::max<std::uint64_t>(builder_.size(), wal::batch_header_size);
    if (used + wal::record_size(payload.size()) > segment_size) return;
    const bool first = offset_ == wal::segment_header_size;
    if (!builder_.open()) {
      builder_.begin(
          {.self = {sequence_, offset_}, .flushed = flushed_, .previous_checksum = chain_}, seed_,
          first ? seed_ : chain_);
    }
    payloads_.emplace_back(payload.begin(), payload.end());
    builder_.add(header, payloads_.back());
  }

  simulated_disk* files_;
  std::uint64_t sequence_ = 0;
  std::vector<std::byte> bytes_;
  std::uint64_t seed_ = 0;
  std::uint64_t offset_ = 0;
  wal::position flushed_;
  std::uint64_t chain_ = 0;
  wal::batch_builder builder_;
  std::vector<std::vector<std::byte>> payloads_;
};

/// Opens what there is; when it is taken, it must take an entry and still have it the next time.
void use(simulated_disk& files) {
  const auto group = group_id(1);
  std::uint64_t last = 0;
  std::uint64_t last_term = 0;
  {
    wal::inline_runner runner(files);
    auto log = wal::segmented_log::open(options(), files, runner);
    if (!log) return;
    const auto state = (*log)->state_of(group, everything);
    MAINSTAY_ASSERT(state.has_value());
    MAINSTAY_ASSERT(state->last_index - state->base_index == state->tail.size());
    core::persist_batch batch;
    last = state->last_index.value() + 1;
    last_term = state->term_runs.empty() ? state->base_term.value() + 1
                                         : state->term_runs.back().term.value();
    batch.entries.push_back({log_index(last), term(last_term), {}, {}, {}});
    MAINSTAY_ASSERT((*log)->add(group, batch).has_value());
    MAINSTAY_ASSERT((*log)->flush().has_value());
    MAINSTAY_ASSERT((*log)->maintain().has_value());
  }
  wal::inline_runner runner(files);
  auto log = wal::segmented_log::open(options(), files, runner);
  MAINSTAY_ASSERT(log.has_value());
  const auto state = (*log)->state_of(group, 64);
  MAINSTAY_ASSERT(state->last_index == log_index(last));
  MAINSTAY_ASSERT(state->tail.back().term == term(last_term));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  simulated_disk files;
  if (data[0] % 4 < 2) {
    files.replace(directory + "/" + wal::segment_name(1), plain_segment(input, data[0] % 2 == 1));
  } else {
    forger(files).run(number_source(input));
  }
  std::uint64_t items = 0;
  MAINSTAY_ASSERT(wal::inspect(files, directory, [&](const wal::inspected_item&) {
                    return ++items < 100000;
                  }).has_value());
  use(files);
  return 0;
}
