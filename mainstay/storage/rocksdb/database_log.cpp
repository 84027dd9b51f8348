#include "mainstay/storage/rocksdb/database_log.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "mainstay/storage/rocksdb/rocksdb_engine.hpp"

namespace mainstay::database {

namespace {

using ::rocksdb::Slice;

/// What a record counts for beside its payload, when room is asked for.
constexpr std::uint64_t record_allowance = 128;

std::unexpected<error> refuse(group_id group, std::string_view what, std::string_view why) {
  return fail(error_code::invalid_argument,
              fmt::format("group {}: {}: {}", group.value(), what, why));
}

/// What a batch removes, given that removing what is not there is nothing.
log_index truncation_of(const wal::group_index& group, const core::persist_batch& batch) {
  return batch.truncate_from > group.last_index() ? log_index{} : batch.truncate_from;
}

std::optional<std::string> objection_to_entries(const core::persist_batch& batch, log_index last,
                                                term last_term) {
  for (const auto& e : batch.entries) {
    if (e.index != last.next() || !e.term || e.term < last_term) {
      return fmt::format("entry {} of term {} cannot follow entry {} of term {}", e.index.value(),
                         e.term.value(), last.value(), last_term.value());
    }
    if (e.payload.size() > rocksdb_options::largest_payload()) {
      return fmt::format("entry {} has a payload of {} bytes; {} is the most", e.index.value(),
                         e.payload.size(), rocksdb_options::largest_payload());
    }
    last = e.index;
    last_term = e.term;
  }
  return {};
}

/// Why a batch cannot follow what a group has; none: it can.
std::optional<std::string> objection_to(const wal::group_index& group,
                                        const core::persist_batch& batch) {
  if (batch.has_hard_state) {
    if (auto why = group.objection_to_hard_state(batch.state)) {
      return fmt::format("hard state: {}", *why);
    }
  }
  const auto truncation = truncation_of(group, batch);
  if (truncation) {
    if (auto why = group.objection_to_truncation(truncation)) {
      return fmt::format("truncation: {}", *why);
    }
  }
  log_index last = truncation ? truncation.previous() : group.last_index();
  term last_term = group.term_at(last);
  if (batch.reset_to) {
    auto why = group.objection_to_reset(batch.reset_to->first, batch.reset_to->term);
    if (batch.truncate_from) why = "it comes with a truncation";
    if (why) return fmt::format("reset: {}", *why);
    std::tie(last, last_term) = std::pair(batch.reset_to->first, batch.reset_to->term);
  }
  return objection_to_entries(batch, last, last_term);
}

/// Behind the key of every entry of a group.
std::string behind_all_of(group_id id) { return key_of(id).append(9, '\xff'); }

std::uint64_t room_for(const core::persist_batch& batch) {
  std::uint64_t bytes = record_allowance;
  for (const auto& e : batch.entries) bytes += e.payload.size() + record_allowance;
  return bytes;
}

group_record record_of(const wal::group_index& group) {
  return {.hard_state = group.hard_state(),
          .base = {group.base_index(), group.base_term()},
          .last = {group.last_index(), group.last_term()}};
}

}  // namespace

database_log::~database_log() {
  // What tidies up must not go on in a database that is closed.
  if (database_) database_->raw().DisableManualCompaction();
  tidier_.stop();
}

result<void> database_log::keep_failure(result<void> outcome) {
  if (!outcome && !failure_) failure_ = outcome.error();
  return outcome;
}

// ---- Taking batches ---------------------------------------------------------------------------

/// Refuses what would leave RocksDB without room to work in. Once it runs out of it in the middle,
/// bytes may be half written, and it takes nothing any more.
result<void> database_log::ensure_room(std::uint64_t bytes, std::uint64_t kept_free) const {
  const auto wanted = batch_.GetDataSize() + bytes + kept_free;
  const auto free = database_->free_bytes();
  if (free >= wanted) return {};
  return fail(error_code::no_space,
              fmt::format("{}: the disk is full: {} bytes are free, and {} are wanted, of which {} "
                          "are kept for the database's own work",
                          database_->folder(), free, wanted, kept_free));
}

result<void> database_log::remove(group_id id, log_index from, std::optional<log_index> to) {
  const auto first = key_of(entry_place{id, from});
  const auto behind = to ? key_of(entry_place{id, to->next()}) : behind_all_of(id);
  const auto status = batch_.DeleteRange(database_->handle(family::entries), first, behind);
  return database_->outcome(status, family::entries, "remove entries");
}

result<void> database_log::add(group_id id, const core::persist_batch& batch) {
  if (failure_) return refuse_dead();
  static const wal::group_index nothing;
  const auto known = groups_.find(id);
  if (auto why = objection_to(known == groups_.end() ? nothing : known->second, batch)) {
    return refuse(id, "batch refused", *why);
  }
  if (auto ok = ensure_room(room_for(batch), kept_free_); !ok) return ok;
  changed_.insert(id);
  return keep_failure(change(id, groups_[id], batch));
}

result<void> database_log::change(group_id id, wal::group_index& group,
                                  const core::persist_batch& batch) {
  if (batch.has_hard_state) group.set_hard_state(batch.state);
  if (const auto truncation = truncation_of(group, batch)) {
    if (auto ok = remove(id, truncation, {}); !ok) return ok;
    group.truncate_from(truncation);
  }
  if (batch.reset_to) {
    if (auto ok = remove(id, log_index(0), {}); !ok) return ok;
    group.reset(batch.reset_to->first, batch.reset_to->term);
  }
  for (const auto& e : batch.entries) {
    const auto key = key_of(entry_place{id, e.index});
    const auto frame = frame_of(key, e);
    const auto payload = e.payload.text();
    const Slice whole(key);
    const std::array<Slice, 3> value{Slice(frame.front.data(), frame.front.size()),
                                     Slice(payload.data(), payload.size()),
                                     Slice(frame.end.data(), frame.end.size())};
    const auto status =
        batch_.Put(database_->handle(family::entries), ::rocksdb::SliceParts(&whole, 1),
                   ::rocksdb::SliceParts(value.data(), int{value.size()}));
    if (auto ok = database_->outcome(status, family::entries, "add an entry"); !ok) return ok;
    group.append(e.index, e.term, e.kind, {});
  }
  return {};
}

result<void> database_log::add_base(group_id id, log_index index) {
  if (failure_) return refuse_dead();
  const auto known = groups_.find(id);
  if (known == groups_.end() || index > known->second.last_index()) {
    return refuse(id, "compaction refused",
                  fmt::format("the log ends before entry {}", index.value()));
  }
  if (index <= known->second.base_index()) return {};
  // It gives room back, so it may take of what is kept free.
  if (auto ok = ensure_room(record_allowance, kept_free_ / 2); !ok) return ok;
  auto& group = known->second;
  const auto base_term = group.term_at(index);
  if (auto ok = remove(id, log_index(0), index); !ok) return keep_failure(std::move(ok));
  group.set_base(index, base_term);
  changed_.insert(id);
  compacted_.push_back(id);
  return {};
}

void database_log::add_snapshot(group_id group, const core::snapshot& newest) {
  new_images_[group] = newest.id;
}

// ---- Writing ----------------------------------------------------------------------------------

/// Adds what the batch leaves of its groups, and which images are the newest.
result<void> database_log::add_records() {
  for (const auto id : changed_) {
    const auto key = key_of(id);
    const auto put = batch_.Put(database_->handle(family::hard_state), Slice(key),
                                Slice(encode(key, record_of(groups_.at(id)))));
    if (auto ok = database_->outcome(put, family::hard_state, "write"); !ok) return ok;
  }
  for (const auto& [id, image] : new_images_) {
    const auto key = key_of(id);
    const auto put =
        batch_.Put(database_->handle(family::snapshots), Slice(key), Slice(encode(key, image)));
    if (auto ok = database_->outcome(put, family::snapshots, "write"); !ok) return ok;
  }
  return {};
}

result<void> database_log::flush() {
  if (failure_) return refuse_dead();
  if (changed_.empty() && new_images_.empty()) return {};
  auto ok = add_records();
  if (ok) {
    ::rocksdb::WriteOptions durable;
    durable.sync = true;
    ok = database_->outcome(database_->raw().Write(durable, &batch_), family::entries, "write");
  }
  if (!ok) {
    // There was room: running out of it here means that bytes may be half written.
    if (ok.error().code == error_code::no_space) ok.error().code = error_code::io_failed;
    return keep_failure(std::move(ok));
  }
  batch_.Clear();
  changed_.clear();
  new_images_.clear();
  return {};
}

result<void> database_log::maintain() {
  if (failure_) return refuse_dead();
  for (const auto id : std::exchange(compacted_, {})) {
    const auto base = groups_.at(id).base_index();
    tidier_.post([database = database_.get(), id, base] {
      const auto first = key_of(entry_place{id, log_index(0)});
      const auto last = key_of(entry_place{id, base});
      const Slice from(first);
      const Slice to(last);
      ::rocksdb::CompactRangeOptions how;
      how.exclusive_manual_compaction = false;
      // Without it the room comes back later, when RocksDB rewrites the tables anyway.
      (void)database->raw().CompactRange(how, database->handle(family::entries), &from, &to);
    });
  }
  return {};
}

// ---- Reading ----------------------------------------------------------------------------------

result<read_plan> database_log::plan_read(group_id id, log_index first, log_index last,
                                          std::uint64_t max_bytes) const {
  if (failure_) return refuse_dead();
  const auto known = groups_.find(id);
  const bool there = known != groups_.end() && first > known->second.base_index() &&
                     first <= known->second.last_index() && first <= last;
  if (!there) {
    return refuse(id, "read refused", fmt::format("entry {} is not in the log", first.value()));
  }
  return read_plan{database_.get(),
                   std::make_shared<::rocksdb::ManagedSnapshot>(&database_->raw()),
                   id,
                   first,
                   std::min(last, known->second.last_index()),
                   max_bytes};
}

namespace {

std::unexpected<error> lost_entry(const open_database& in, group_id group, log_index index) {
  return in.damaged(family::entries, fmt::format("entry {} of group {} is missing or does not hold",
                                                 index.value(), group.value()));
}

/// The entry that an iterator stands at; none when it is another than `place`, or does not hold.
std::optional<core::entry> entry_at(const ::rocksdb::Iterator& at, const entry_place& place) {
  if (!at.Valid() || at.key().ToStringView() != key_of(place)) return {};
  return entry_in(at.key().ToStringView(), at.value().ToStringView());
}

}  // namespace

result<std::vector<core::entry>> read_entries(const read_plan& plan) {
  ::rocksdb::ReadOptions how;
  how.snapshot = plan.view->snapshot();
  auto* entries_of = plan.source->handle(family::entries);
  const std::unique_ptr<::rocksdb::Iterator> at(plan.source->raw().NewIterator(how, entries_of));
  std::vector<core::entry> entries;
  std::uint64_t bytes = 0;
  const auto first = key_of(entry_place{plan.group, plan.first});
  at->Seek(Slice(first));
  for (auto index = plan.first; index <= plan.last; index = index.next(), at->Next()) {
    auto e = entry_at(*at, {plan.group, index});
    if (auto ok = plan.source->outcome(at->status(), family::entries, "read"); !ok) {
      return std::unexpected(ok.error());
    }
    if (!e) return lost_entry(*plan.source, plan.group, index);
    bytes += core::size_of(*e);
    if (!entries.empty() && bytes > plan.max_bytes) break;
    entries.push_back(*std::move(e));
  }
  return entries;
}

result<recovered_state> database_log::state_of(group_id id, std::uint64_t max_tail_bytes) const {
  if (failure_) return refuse_dead();
  recovered_state state;
  state.snapshot = snapshots_->newest(id);
  const auto known = groups_.find(id);
  if (known == groups_.end()) return state;
  const auto& group = known->second;
  state.hard_state = group.hard_state();
  state.base_index = group.base_index();
  state.base_term = group.base_term();
  state.last_index = group.last_index();
  state.term_runs = group.term_runs();
  for (const auto index : group.configurations()) {
    auto plan = plan_read(id, index, index, 0);
    if (!plan) return std::unexpected(plan.error());
    auto entries = read_entries(*plan);
    if (!entries) return std::unexpected(entries.error());
    state.configurations.push_back(std::move(entries->front()));
  }
  auto tail = read_tail(id, max_tail_bytes);
  if (!tail) return std::unexpected(tail.error());
  state.tail = *std::move(tail);
  return state;
}

/// From the newest entry on backwards.
result<std::vector<core::entry>> database_log::read_tail(group_id id,
                                                         std::uint64_t max_bytes) const {
  const auto& group = groups_.at(id);
  const std::unique_ptr<::rocksdb::Iterator> at(
      database_->raw().NewIterator({}, database_->handle(family::entries)));
  std::vector<core::entry> tail;
  std::uint64_t bytes = 0;
  const auto last = key_of(entry_place{id, group.last_index()});
  at->SeekForPrev(Slice(last));
  for (auto index = group.last_index(); index > group.base_index(); index = index.previous()) {
    auto e = entry_at(*at, {id, index});
    if (auto ok = database_->outcome(at->status(), family::entries, "read"); !ok) {
      return std::unexpected(ok.error());
    }
    if (!e) return lost_entry(*database_, id, index);
    bytes += core::size_of(*e);
    if (!tail.empty() && bytes > max_bytes) break;
    tail.push_back(*std::move(e));
    at->Prev();
  }
  std::ranges::reverse(tail);
  return tail;
}

}  // namespace mainstay::database
