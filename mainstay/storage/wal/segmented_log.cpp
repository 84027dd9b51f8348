#include "mainstay/storage/wal/segmented_log.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"

namespace mainstay::wal {

namespace {

// More than this is flushed in several goes, so that no flush takes for ever.
constexpr std::uint64_t max_flush_bytes = 16 * 1024 * 1024;

constexpr std::uint64_t group_state_size = record_size(group_state_payload);

std::unexpected<error> refuse(group_id group, std::string_view what, std::string_view why) {
  return fail(error_code::invalid_argument,
              fmt::format("group {}: {}: {}", group.value(), what, why));
}

/// What a batch removes, given that removing what is not there is nothing.
log_index truncation_of(const group_index& group, const core::persist_batch& batch) {
  return batch.truncate_from > group.last_index() ? log_index{} : batch.truncate_from;
}

record_header header_of(group_id group, const core::entry& e) {
  return {.type = record_type::entry,
          .kind = static_cast<std::uint8_t>(e.kind),
          .group = group,
          .index = e.index.value(),
          .term = e.term.value(),
          .time = e.time.microseconds};
}

}  // namespace

result<void> segmented_log::keep_failure(result<void> outcome) {
  if (outcome || failure_) return outcome;
  // Room was reserved: running out of it here means that bytes may be half written.
  if (outcome.error().code == error_code::no_space) outcome.error().code = error_code::io_failed;
  failure_ = outcome.error();
  return outcome;
}

// ---- Taking batches ---------------------------------------------------------------------------

result<void> segmented_log::validate(const group_index& group,
                                     const core::persist_batch& batch) const {
  const auto truncation = truncation_of(group, batch);
  if (batch.has_hard_state) {
    if (auto why = group.objection_to_hard_state(batch.state)) {
      return fail(error_code::invalid_argument, fmt::format("hard state: {}", *why));
    }
  }
  if (truncation) {
    if (auto why = group.objection_to_truncation(truncation)) {
      return fail(error_code::invalid_argument, fmt::format("truncation: {}", *why));
    }
  }
  if (batch.reset_to) {
    auto why = group.objection_to_reset(batch.reset_to->first, batch.reset_to->term);
    if (batch.truncate_from) why = "it comes with a truncation";
    if (why) return fail(error_code::invalid_argument, fmt::format("reset: {}", *why));
  }
  log_index last = truncation ? truncation.previous() : group.last_index();
  term last_term = group.term_at(last);
  if (batch.reset_to)
    std::tie(last, last_term) = std::pair(batch.reset_to->first, batch.reset_to->term);
  for (const auto& e : batch.entries) {
    if (e.index != last.next() || !e.term || e.term < last_term) {
      return fail(error_code::invalid_argument,
                  fmt::format("entry {} of term {} cannot follow entry {} of term {}",
                              e.index.value(), e.term.value(), last.value(), last_term.value()));
    }
    if (e.payload.size() > max_payload()) {
      return fail(error_code::invalid_argument,
                  fmt::format("entry {} has a payload of {} bytes; a quarter of a segment, {}, is "
                              "the most",
                              e.index.value(), e.payload.size(), max_payload()));
    }
    last = e.index;
    last_term = e.term;
  }
  return {};
}

std::uint64_t segmented_log::room() const {
  const auto used = next_.offset + std::max<std::uint64_t>(builder_.size(), batch_header_size);
  const auto size = segments_.back().source->header.size;
  return used < size ? size - used : 0;
}

std::size_t segmented_log::segments_needed(const core::persist_batch& batch,
                                           std::uint64_t left) const {
  const auto sizes = supply_.prepared_sizes();
  const auto overhead = segment_header_size + batch_header_size +
                        record_size(encoded_bootstrap_.size()) +
                        (groups_.size() + 1) * group_state_size;
  std::size_t count = 0;
  const auto take = [&](std::uint64_t record) {
    // A batch header more than needed, in case the flush is split before this record.
    const auto wanted = record + batch_header_size;
    if (wanted > left) {
      const auto size = count < sizes.size() ? sizes[count] : supply_.segment_size();
      left = size - overhead;
      ++count;
    }
    left -= wanted;
  };
  take(2 * record_header_size);  // hard state, and truncation or reset: at most this far
  for (const auto& e : batch.entries) take(record_size(e.payload.size()));
  return count;
}

result<void> segmented_log::reserve(group_id group, const core::persist_batch& batch) {
  const auto states = (groups_.size() + (groups_.contains(group) ? 0 : 1)) * group_state_size;
  if (states > supply_.segment_size() / 8) {
    return fail(error_code::invalid_argument, "the log has as many groups as a segment can carry");
  }
  std::uint64_t wanted = 2 * record_header_size;
  for (const auto& e : batch.entries) wanted += record_size(e.payload.size());
  wanted += (builder_.size() + wanted) / max_flush_bytes * batch_header_size;
  if (wanted <= room()) return {};
  return supply_.ensure(segments_needed(batch, room()));
}

result<void> segmented_log::add(group_id group, const core::persist_batch& batch) {
  if (failure_) return refuse_dead();
  static const group_index nothing;
  const auto known = groups_.find(group);
  auto valid = validate(known == groups_.end() ? nothing : known->second, batch);
  if (!valid) return refuse(group, "batch refused", valid.error().message);
  if (auto ok = reserve(group, batch); !ok) {
    const auto code = ok.error().code;
    if (code == error_code::no_space || code == error_code::invalid_argument) return ok;
    return keep_failure(std::move(ok));
  }
  return keep_failure(write_batch(group, batch));
}

result<void> segmented_log::write_batch(group_id id, const core::persist_batch& batch) {
  auto& group = groups_[id];
  const auto truncation = truncation_of(group, batch);
  if (batch.has_hard_state) {
    auto ok = place({.type = record_type::hard_state,
                     .group = id,
                     .index = batch.state.voted_for.value(),
                     .term = batch.state.current_term.value()},
                    {});
    if (!ok) return std::unexpected(ok.error());
    group.set_hard_state(batch.state);
  }
  if (truncation) {
    auto ok = place({.type = record_type::truncate, .group = id, .index = truncation.value()}, {});
    if (!ok) return std::unexpected(ok.error());
    group.truncate_from(truncation);
  }
  if (batch.reset_to) {
    if (auto ok = write_reset(id, *batch.reset_to); !ok) return ok;
  }
  for (const auto& e : batch.entries) {
    auto at = place(header_of(id, e), e.payload.span());
    if (!at) return std::unexpected(at.error());
    group.append(e.index, e.term, e.kind, *at);
  }
  return {};
}

result<void> segmented_log::write_reset(group_id id, const core::term_run& to) {
  auto ok = place(
      {.type = record_type::reset, .group = id, .index = to.first.value(), .term = to.term.value()},
      {});
  if (!ok) return std::unexpected(ok.error());
  groups_[id].reset(to.first, to.term);
  for (auto& segment : segments_) forget_entries(segment, id);
  base_moved_ = true;
  return {};
}

result<void> segmented_log::add_base(group_id id, log_index index) {
  if (failure_) return refuse_dead();
  const auto known = groups_.find(id);
  if (known == groups_.end() || index > known->second.last_index()) {
    return refuse(id, "compaction refused",
                  fmt::format("the log ends before entry {}", index.value()));
  }
  auto& group = known->second;
  if (index <= group.base_index()) return {};
  if (auto ok = reserve(id, {}); !ok) {
    return ok.error().code == error_code::no_space ? ok : keep_failure(std::move(ok));
  }
  const auto base_term = group.term_at(index);
  auto ok = place(
      {.type = record_type::base, .group = id, .index = index.value(), .term = base_term.value()},
      {});
  if (!ok) return keep_failure(std::unexpected(ok.error()));
  group.set_base(index, base_term);
  base_moved_ = true;
  return {};
}

// ---- Writing ----------------------------------------------------------------------------------

result<record_place> segmented_log::place(const record_header& header,
                                          std::span<const std::byte> payload) {
  const auto size = record_size(payload.size());
  if (builder_.open() && (size > room() || builder_.size() + size > max_flush_bytes)) {
    if (auto ok = flush(); !ok) return std::unexpected(ok.error());
  }
  if (!builder_.open()) {
    if (auto ok = open_batch(size); !ok) return std::unexpected(ok.error());
    MAINSTAY_ASSERT(size <= room());
  }
  const record_place at{next_.sequence, next_.offset + builder_.size(), builder_.chain()};
  builder_.add(header, payload);
  return at;
}

result<void> segmented_log::open_batch(std::uint64_t first_record) {
  const auto segment_size = segments_.back().source->header.size;
  if (first_record > room() || next_.offset + batch_header_size > segment_size) {
    if (auto ok = supply_.ensure(1); !ok) return ok;
    switch_segment();
  }
  const auto& current = *segments_.back().source;
  const bool first = next_.offset == segment_header_size;
  builder_.begin({.self = next_, .flushed = flushed_, .previous_checksum = chain_}, current.seed,
                 first ? current.seed : chain_);
  if (first) write_checkpoint();
  return {};
}

void segmented_log::write_checkpoint() {
  builder_.add({.type = record_type::bootstrap}, encoded_bootstrap_.span());
  for (const auto& [id, group] : groups_) {
    std::array<std::byte, group_state_payload> payload;
    store_u64(payload.data(), group.hard_state().current_term.value());
    store_u64(payload.data() + 8, group.hard_state().voted_for.value());
    store_u64(payload.data() + 16, group.base_index().value());
    store_u64(payload.data() + 24, group.base_term().value());
    builder_.add({.type = record_type::group_state,
                  .group = id,
                  .index = group.last_index().value(),
                  .term = group.last_term().value()},
                 payload);
  }
}

void segmented_log::switch_segment() {
  for (auto& [id, group] : groups_) {
    if (const auto highest = group.take_highest()) {  // so there is a segment that holds it
      segments_.back().highest.emplace_back(id, highest);
    }
  }
  if (flushes_ != 0) supply_.expect_batches_of(next_.offset / std::exchange(flushes_, 0));
  segments_.push_back({supply_.take(), {}});
  next_ = {segments_.back().source->sequence(), segment_header_size};
}

result<void> segmented_log::flush() {
  if (failure_) return refuse_dead();
  if (!builder_.open()) return {};
  auto& file = *segments_.back().source->file;
  auto ok = file.write(builder_.finish(), next_.offset);
  if (ok) ok = file.datasync();
  if (!ok) return keep_failure(std::move(ok));
  proven_ = builder_.header().count == 0;
  if (!proven_) ++flushes_;
  chain_ = builder_.chain();
  next_.offset += builder_.size();
  flushed_ = next_;
  builder_.clear();
  if (base_moved_) drop_unneeded();
  return {};
}

result<void> segmented_log::prove() {
  if (failure_) return refuse_dead();
  MAINSTAY_ASSERT(!builder_.open());
  if (proven_) return {};
  auto ok = open_batch(0);
  // Without room the evidence comes with the next batch; nothing else depends on it.
  if (!ok && ok.error().code == error_code::no_space) return {};
  if (!ok) return keep_failure(std::move(ok));
  return flush();
}

// ---- Segments ---------------------------------------------------------------------------------

void segmented_log::drop_unneeded() {
  base_moved_ = false;
  const auto covered = [this](const std::pair<group_id, log_index>& highest) {
    const auto group = groups_.find(highest.first);
    return group != groups_.end() && highest.second <= group->second.base_index();
  };
  while (segments_.size() > 1 && std::ranges::all_of(segments_.front().highest, covered)) {
    supply_.drop(std::move(segments_.front().source));
    segments_.pop_front();
  }
}

result<void> segmented_log::maintain() {
  if (failure_) return refuse_dead();
  return keep_failure(supply_.maintain());
}

std::uint64_t segmented_log::memory_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [id, group] : groups_) total += group.memory_bytes();
  return total;
}

// ---- Reading ----------------------------------------------------------------------------------

result<read_plan> segmented_log::plan_read(group_id id, log_index first, log_index last,
                                           std::uint64_t max_bytes) const {
  if (failure_) return refuse_dead();
  MAINSTAY_ASSERT(!builder_.open());
  const auto known = groups_.find(id);
  const bool there = known != groups_.end() && first > known->second.base_index() &&
                     first <= known->second.last_index() && first <= last;
  if (!there) {
    return refuse(id, "read refused", fmt::format("entry {} is not in the log", first.value()));
  }
  const auto& group = known->second;
  read_plan plan{id, first, std::min(last, group.last_index()), max_bytes, {}};
  const auto front = segments_.front().source->sequence();
  for (const auto& stretch : group.locate(first, plan.last, max_bytes)) {
    plan.stretches.push_back({stretch, segments_[stretch.place.sequence - front].source});
  }
  return plan;
}

}  // namespace mainstay::wal
