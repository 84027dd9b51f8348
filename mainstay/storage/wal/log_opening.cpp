// How a segmented_log begins: recovery, taking the end over, and telling a group's state.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/storage/wal/other_engine.hpp"
#include "mainstay/storage/wal/segmented_log.hpp"

namespace mainstay::wal {

namespace {

constexpr auto everything = ~std::uint64_t{0};

result<void> check_options(const log_options& options) {
  const auto size = options.segment_size;
  if (size < min_segment_size || size > max_segment_size || size % 4096 != 0) {
    return fail(error_code::invalid_argument,
                fmt::format("segment_bytes ({}) must be a multiple of 4096 from {} to {}", size,
                            min_segment_size, max_segment_size));
  }
  if (!options.identity.cluster || !options.identity.node || !options.identity.incarnation) {
    return fail(error_code::invalid_argument, "cluster, node and incarnation must not be 0");
  }
  return {};
}

result<void> check_bootstrap(const core::configuration& bootstrap, std::uint64_t segment_size) {
  if (auto ok = core::check(bootstrap); !ok) return ok;
  if (const auto size = core::encode(bootstrap).size(); size > segment_size / 8) {
    return fail(error_code::invalid_argument,
                fmt::format("segment_bytes ({}) must be at least 8 times the bootstrap "
                            "configuration, which takes {}",
                            segment_size, size));
  }
  return {};
}

wal::identity identity_of(const log_options& options, const recovered_log& recovered) {
  return recovered.identity.incarnation ? recovered.identity : options.identity;
}

}  // namespace

segmented_log::segmented_log(const log_options& options, file_system& files, supply_runner& runner,
                             std::unique_ptr<directory_lock> lock, recovered_log& recovered)
    : files_(&files),
      lock_(std::move(lock)),
      identity_(identity_of(options, recovered)),
      bootstrap_(recovered.has_batches ? recovered.bootstrap : options.bootstrap),
      encoded_bootstrap_(core::encode(bootstrap_)),
      groups_(std::move(recovered.groups)),
      segments_(std::make_move_iterator(recovered.segments.begin()),
                std::make_move_iterator(recovered.segments.end())),
      supply_({options.directory, identity_, options.segment_size, options.max_spares}, runner,
              recovered.end.sequence + 1, std::move(recovered.spares)),
      flushed_(recovered.end),
      next_(recovered.end),
      chain_(recovered.chain) {}

result<std::unique_ptr<segmented_log>> segmented_log::open(const log_options& options,
                                                           file_system& files,
                                                           supply_runner& runner) {
  if (auto ok = check_options(options); !ok) return std::unexpected(ok.error());
  if (auto ok = files.create_directory(options.directory); !ok) return std::unexpected(ok.error());
  if (auto ok = refuse_other_engine(files, options.directory, engine_kind::wal); !ok) {
    return std::unexpected(ok.error());
  }
  auto lock = files.lock(options.directory + "/lock");
  if (!lock) return std::unexpected(lock.error());
  auto recovered = recover_log(files, options.directory, options.identity);
  if (!recovered) return std::unexpected(recovered.error());
  const auto& bootstrap = recovered->has_batches ? recovered->bootstrap : options.bootstrap;
  if (auto ok = check_bootstrap(bootstrap, options.segment_size); !ok) {
    return std::unexpected(ok.error());
  }
  auto peers = peer_file::open(files, options.directory, identity_of(options, *recovered));
  if (!peers) return std::unexpected(peers.error());
  auto snapshots = snapshot_store::open(files, options.directory);
  if (!snapshots) return std::unexpected(snapshots.error());
  std::unique_ptr<segmented_log> log(
      new segmented_log(options, files, runner, std::move(*lock), *recovered));
  log->peers_ = *std::move(peers);
  log->snapshots_ = *std::move(snapshots);
  if (auto ok = log->begin(*recovered); !ok) return std::unexpected(ok.error());
  return log;
}

result<void> segmented_log::take_over_files(const recovered_log& recovered) {
  for (const auto sequence : recovered.unfinished) {
    const auto path = supply_.directory() + "/" + segment_name(sequence, ".new");
    if (auto ok = files_->remove(path); !ok) return ok;
  }
  for (const auto sequence : recovered.leftovers) supply_.drop_file(sequence);
  bool fits = true;
  for (const auto& one : recovered.prepared) {
    // Another size was configured since: make them anew, so that the limit on payloads holds.
    fits = fits && one->header.size == supply_.segment_size();
    if (fits) {
      one->file->bypass_cache();
      supply_.add_prepared(one);
    } else {
      supply_.drop_file(one->sequence());
    }
  }
  return {};
}

result<void> segmented_log::begin(const recovered_log& recovered) {
  if (auto ok = take_over_files(recovered); !ok) return ok;
  if (recovered.has_batches) {
    segments_.back().source->file->bypass_cache();
    if (auto ok = rewrite(recovered.last_batch, recovered.end); !ok) return ok;
  } else {
    if (auto ok = supply_.ensure(1); !ok) return ok;
    switch_segment();
    if (auto ok = open_batch(0); !ok) return ok;
    if (auto ok = flush(); !ok) return ok;
  }
  proven_ = false;
  base_moved_ = true;  // a crash may have come between a base marker and the dropping
  return prove();
}

result<void> segmented_log::rewrite(position from, position to) {
  MAINSTAY_ASSERT(from.sequence == to.sequence);
  auto& file = *segments_.back().source->file;
  // In one write: a write may zero the rest of its last block (file::bypass_cache).
  std::vector<std::byte> bytes(to.offset - from.offset);
  auto got = file.read(bytes, from.offset);
  if (!got) return std::unexpected(got.error());
  const std::array<std::span<const std::byte>, 1> piece{std::span(bytes).first(*got)};
  if (auto ok = file.write(piece, from.offset); !ok) return ok;
  return file.datasync();
}

// ---- A group's state --------------------------------------------------------------------------

result<recovered_state> segmented_log::state_of(group_id id, std::uint64_t max_tail_bytes) const {
  if (failure_) return refuse_dead();
  const auto known = groups_.find(id);
  if (known == groups_.end()) {
    recovered_state nothing;
    nothing.snapshot = snapshots_->newest(id);
    return nothing;
  }
  const auto& group = known->second;
  recovered_state state{.hard_state = group.hard_state(),
                        .base_index = group.base_index(),
                        .base_term = group.base_term(),
                        .last_index = group.last_index(),
                        .term_runs = group.term_runs(),
                        .configurations = {},
                        .tail = {},
                        .snapshot = snapshots_->newest(id)};
  for (const auto index : group.configurations()) {
    auto plan = plan_read(id, index, index, everything);
    if (!plan) return std::unexpected(plan.error());
    auto entries = read_entries(*plan);
    if (!entries) return std::unexpected(entries.error());
    state.configurations.push_back(std::move(entries->front()));
  }
  auto tail = read_tail(id, max_tail_bytes);
  if (!tail) return std::unexpected(tail.error());
  state.tail = std::move(*tail);
  return state;
}

result<std::vector<core::entry>> segmented_log::read_tail(group_id id,
                                                          std::uint64_t max_bytes) const {
  const auto& group = groups_.at(id);
  std::vector<std::vector<core::entry>> parts;  // the newest first
  std::uint64_t bytes = 0;
  auto before = group.last_index().next();
  while (before > group.base_index().next() && bytes <= max_bytes) {
    const auto start = group.read_start_before(before);
    auto plan = plan_read(id, start, before.previous(), everything);
    if (!plan) return std::unexpected(plan.error());
    auto entries = read_entries(*plan);
    if (!entries) return std::unexpected(entries.error());
    for (const auto& e : *entries) bytes += core::size_of(e);
    parts.push_back(std::move(*entries));
    before = start;
  }
  std::vector<core::entry> tail;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    for (auto& e : *part) {
      if (bytes <= max_bytes || e.index == group.last_index()) {
        tail.push_back(std::move(e));
      } else {
        bytes -= core::size_of(e);  // too old to fit
      }
    }
  }
  return tail;
}

}  // namespace mainstay::wal
