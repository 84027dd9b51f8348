#include "mainstay/storage/wal/recovery.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "mainstay/storage/wal/batch_scanner.hpp"

namespace mainstay::wal {

namespace {

using segments = std::vector<std::shared_ptr<segment>>;

std::unexpected<error> corrupt_at(const segment& source, std::uint64_t offset,
                                  std::string_view what) {
  return fail(error_code::corrupt,
              fmt::format("{}: damaged at offset {}: {}", source.path, offset, what));
}

result<std::shared_ptr<segment>> open_segment(file_system& files, const std::string& directory,
                                              std::uint64_t sequence) {
  auto opened = std::make_shared<segment>();
  opened->path = directory + "/" + segment_name(sequence);
  auto file = files.open(opened->path, open_mode::read_write);
  if (!file) return std::unexpected(file.error());
  opened->file = std::move(*file);

  segment_header_bytes bytes;
  auto got = opened->file->read(bytes, 0);
  if (!got) return std::unexpected(got.error());
  auto decoded = decode_segment_header(std::span(bytes).first(*got));
  if (!decoded) {
    return fail(decoded.error().code, opened->path + ": " + decoded.error().message);
  }
  opened->header = decoded->header;
  opened->seed = decoded->seed;
  if (opened->sequence() != sequence) {
    return corrupt_at(*opened, 0, fmt::format("it says it is segment {}", opened->sequence()));
  }
  auto size = opened->file->size();
  if (!size) return std::unexpected(size.error());
  if (*size < opened->header.size) {
    return corrupt_at(*opened, *size,
                      fmt::format("the file ends, but has {} bytes", opened->header.size));
  }
  return opened;
}

result<void> check_identity(const segment& found, const identity& expected) {
  const auto& has = found.header.identity;
  if (has.cluster == expected.cluster && has.node == expected.node) return {};
  return fail(error_code::wrong_identity,
              fmt::format("{}: the directory belongs to node {} of cluster {}, not to node {} of "
                          "cluster {}",
                          found.path, has.node.value(), has.cluster.value(), expected.node.value(),
                          expected.cluster.value()));
}

/// Sorts the files of a directory into what they are; gives the sequences of the segments.
result<std::vector<std::uint64_t>> list_files(file_system& files, const std::string& directory,
                                              recovered_log& into) {
  auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  std::vector<std::uint64_t> sequences;
  for (const auto& name : *names) {
    if (auto segment = sequence_in(name)) sequences.push_back(*segment);
    if (auto spare = sequence_in(name, ".spare")) into.spares.push_back(*spare);
    if (auto unfinished = sequence_in(name, ".new")) into.unfinished.push_back(*unfinished);
  }
  std::ranges::sort(sequences);
  std::ranges::sort(into.spares);
  return sequences;
}

/// Where batches stopped to hold.
struct damaged_place {
  const segment* source = nullptr;
  scan_damage damage;
};

/// Replays a run of consecutive segments.
class replay {
 public:
  replay(const segments& run, recovered_log& into) : run_(run), log_(into) {}

  result<void> run() {
    for (at_ = 0; at_ < run_.size(); ++at_) {
      auto found = replay_segment();
      if (!found) return std::unexpected(found.error());
      if (!*found) break;  // this one, and those behind it, hold nothing that counts
    }
    for (auto i = at_; i < run_.size(); ++i) log_.prepared.push_back(run_[i]);
    if (auto ok = check_nothing_lies_behind(); !ok) return ok;
    return check_completeness();
  }

 private:
  const segment& current() const { return *run_[at_]; }

  /// Applies the batches of one segment; false when it has none.
  result<bool> replay_segment() {
    batch_scanner scanner(current());
    std::uint64_t offset = segment_header_size;
    std::uint64_t chain = current().seed;
    in_checkpoint_ = true;
    listed_.clear();
    while (true) {
      auto batch = scanner.read(offset, chain);
      if (!batch) return std::unexpected(batch.error());
      note_end(scanner, offset);
      if (!*batch) break;
      auto follows = check_evidence((*batch)->header, offset);
      if (!follows) return std::unexpected(follows.error());
      if (!*follows) break;
      if (auto ok = apply_batch(**batch, chain); !ok) return std::unexpected(ok.error());
      log_.has_batches = true;
      log_.last_batch = {current().sequence(), offset};
      offset = (*batch)->end_offset;
      chain = log_.chain = (*batch)->chain;
      log_.end = {current().sequence(), offset};
    }
    if (offset == segment_header_size) return false;
    used_segment used{run_[at_], {}};
    for (auto& [id, group] : log_.groups) {
      if (const auto highest = group.take_highest()) used.highest.emplace_back(id, highest);
    }
    log_.segments.push_back(std::move(used));
    return true;
  }

  /// True when a batch follows what came before it; false when it is of an interrupted write that
  /// was given up. Errors: `corrupt` when it proves another past than what was read.
  result<bool> check_evidence(const batch_header& header, std::uint64_t offset) const {
    const bool first = offset == segment_header_size;
    if (first && !log_.has_batches) {
      const auto before = current().sequence() - 1;
      if (header.flushed.sequence == before) return true;
      return corrupt_at(current(), offset, "the batch names a wrong predecessor");
    }
    if (header.flushed == log_.end && header.previous_checksum == log_.chain) return true;
    // Less than the end: left over from an interrupted write. More: check_nothing_lies_behind.
    if (first && header.flushed != log_.end) return false;
    return corrupt_at(current(), offset, "the batch follows other records than those before it");
  }

  result<void> apply_batch(const scanned_batch& batch, std::uint64_t chain) {
    for (auto rest = batch.records; !rest.empty();) {
      const auto offset = batch.end_offset - rest.size();
      const auto header = peek_record(rest);
      const decoded_record record{header, rest.subspan(record_header_size, header.payload_size)};
      if (auto why = apply(record, {current().sequence(), offset, chain})) {
        return corrupt_at(current(), offset,
                          fmt::format("record of index {} in group {}: {}", header.index,
                                      header.group.value(), *why));
      }
      chain = header.checksum;
      rest = rest.subspan(record_size(header.payload_size));
    }
    if (auto why = end_checkpoint()) return corrupt_at(current(), batch.end_offset, *why);
    return {};
  }

  /// Applies one record; why it cannot be, if so.
  std::optional<std::string_view> apply(const decoded_record& record, const record_place& place) {
    const auto type = record.header.type;
    const bool opens = place.offset == segment_header_size + batch_header_size;
    if (opens != (type == record_type::bootstrap)) {
      return "a segment begins with the bootstrap record, and has only one";
    }
    if (type == record_type::bootstrap) return apply_bootstrap(record);
    if (type == record_type::group_state) return apply_group_state(record);
    if (auto why = end_checkpoint()) return why;
    return apply_change(record.header, place);
  }

  /// A checkpoint lies in one batch and lists every group: the segments before it may be gone one
  /// day.
  std::optional<std::string_view> end_checkpoint() {
    if (!std::exchange(in_checkpoint_, false)) return {};
    for (const auto& [id, group] : log_.groups) {
      if (!listed_.contains(id)) return "the checkpoint before it leaves out a group";
    }
    return {};
  }

  std::optional<std::string_view> apply_bootstrap(const decoded_record& record) {
    auto decoded = core::decode_configuration(record.payload);
    if (!decoded) return "the bootstrap configuration is malformed";
    if (log_.has_batches && *decoded != log_.bootstrap)
      return "the bootstrap configuration changed";
    log_.bootstrap = std::move(*decoded);
    return {};
  }

  std::optional<std::string_view> apply_group_state(const decoded_record& record) {
    if (!in_checkpoint_) return "a group state outside a checkpoint";
    if (record.payload.size() != group_state_payload) return "a group state of a wrong size";
    const auto* at = record.payload.data();
    const core::hard_state state{term(load_u64(at)), node_id(load_u64(at + 8))};
    const core::term_run base{log_index(load_u64(at + 16)), term(load_u64(at + 24))};
    const core::term_run last{log_index(record.header.index), term(record.header.term)};
    if (last.first < base.first || last.term < base.term) return "a group state out of order";
    if (last.first == base.first && last.term != base.term) return "a group state out of order";

    // What no record has named yet has an empty state, and a later checkpoint repeats just that: a
    // group is listed from its first batch on, and that batch may open the segment.
    const bool is_known = log_.has_batches || log_.groups.contains(record.header.group);
    listed_.insert(record.header.group);
    auto& group = log_.groups[record.header.group];
    if (!is_known) {
      group.set_hard_state(state);
      group.start_at(base, last);
      return {};
    }
    const bool same = state == group.hard_state() && base.first == group.base_index() &&
                      base.term == group.base_term() && last.first == group.last_index() &&
                      last.term == group.last_term();
    if (!same) return "the group state is not what the records before it say";
    return {};
  }

  std::optional<std::string_view> apply_change(const record_header& h, const record_place& place) {
    auto& group = log_.groups[h.group];
    const log_index index(h.index);
    const term t(h.term);
    switch (h.type) {
      case record_type::entry:
        if (h.kind > static_cast<std::uint8_t>(core::last_entry_kind)) {
          return "an unknown kind of entry";
        }
        if (auto why = group.objection_to_entry(index, t)) return why;
        group.append(index, t, static_cast<core::entry_kind>(h.kind), place);
        last_entry_ = h;
        return {};
      case record_type::truncate:
        if (auto why = group.objection_to_truncation(index)) return why;
        group.truncate_from(index);
        return {};
      case record_type::base:
        if (auto why = group.objection_to_base(index, t)) return why;
        group.set_base(index, t);
        return {};
      case record_type::reset:
        if (auto why = group.objection_to_reset(index, t)) return why;
        group.reset(index, t);
        for (auto& segment : log_.segments) forget_entries(segment, h.group);
        return {};
      case record_type::hard_state: {
        const core::hard_state state{t, node_id(h.index)};
        if (auto why = group.objection_to_hard_state(state)) return why;
        group.set_hard_state(state);
        return {};
      }
      default:
        return "an unknown type of record";
    }
  }

  /// Remembers where reading came to its end, for the message if it is damage.
  void note_end(const batch_scanner& scanner, std::uint64_t offset) {
    damaged_place found{&current(), scanner.damage()};
    if (!found.damage.last_entry) found.damage.last_entry = last_entry_;
    const bool behind_the_end = log_.has_batches && offset == segment_header_size;
    if (!behind_the_end) at_end_ = found;
    behind_end_ = found;
  }

  /// Refuses a log in which a batch behind the end proves that there had been more.
  result<void> check_nothing_lies_behind() const {
    for (const auto& one : run_) {
      if (one->sequence() < log_.end.sequence) continue;
      const bool holds_end = one->sequence() == log_.end.sequence;
      std::uint64_t offset = holds_end ? log_.end.offset : segment_header_size;
      batch_scanner scanner(*one);
      while (true) {
        auto header = scanner.find_header(offset);
        if (!header) return std::unexpected(header.error());
        if (!*header) break;
        if ((*header)->flushed > log_.end) return refuse(**header);
        offset = (*header)->self.offset + 8;
      }
    }
    return {};
  }

  std::unexpected<error> refuse(const batch_header& proof) const {
    // The first batch of a segment proves what the segment before it held.
    const bool in_next =
        proof.self.sequence > log_.end.sequence && proof.self.offset != segment_header_size;
    const auto& where = in_next ? behind_end_ : at_end_;
    const auto& last = where.damage.last_entry;
    return corrupt_at(*where.source, where.damage.offset,
                      fmt::format("entry {} of group {}, or what is beside it, does not hold, but "
                                  "the batch at offset {} of segment {} proves that it was durable",
                                  last ? last->index + 1 : 1, last ? last->group.value() : 0,
                                  proof.self.offset, proof.self.sequence));
  }

  result<void> check_completeness() const {
    const auto& first = *run_.front();
    if (!log_.has_batches) {
      if (first.sequence() == 1) return {};
      return corrupt_at(first, segment_header_size, "no batch of the log is left");
    }
    for (const auto& [id, group] : log_.groups) {
      if (group.complete()) continue;
      return corrupt_at(first, 0,
                        fmt::format("segment {} is missing, and with it the entries {} to {} of "
                                    "group {}",
                                    first.sequence() - 1, group.base_index().next().value(),
                                    group.gone_last().value(), id.value()));
    }
    return {};
  }

  const segments& run_;
  recovered_log& log_;
  std::size_t at_ = 0;
  bool in_checkpoint_ = false;
  std::set<group_id> listed_;  // in the checkpoint of the segment
  std::optional<record_header> last_entry_;
  damaged_place at_end_;
  damaged_place behind_end_;  // in the segment behind that of the end
};

}  // namespace

result<recovered_log> recover_log(file_system& files, const std::string& directory,
                                  const identity& expected) {
  recovered_log log;
  auto sequences = list_files(files, directory, log);
  if (!sequences) return std::unexpected(sequences.error());
  if (sequences->empty()) return log;

  segments run;
  for (const auto sequence : *sequences) {
    auto one = open_segment(files, directory, sequence);
    if (!one) return std::unexpected(one.error());
    if (auto ok = check_identity(**one, expected); !ok) return std::unexpected(ok.error());
    const auto& identity = (*one)->header.identity;
    if (log.identity.incarnation && identity != log.identity) {
      return corrupt_at(**one, 0, "it is of another incarnation than the segments before it");
    }
    log.identity = identity;
    if (!run.empty() && run.back()->sequence() + 1 != sequence) {
      for (const auto& left : run) log.leftovers.push_back(left->sequence());
      run.clear();
    }
    run.push_back(std::move(*one));
  }
  if (auto ok = replay(run, log).run(); !ok) return std::unexpected(ok.error());
  return log;
}

}  // namespace mainstay::wal
