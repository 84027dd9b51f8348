#include "mainstay/storage/wal/entry_reader.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mainstay::wal {

namespace {

constexpr std::uint64_t piece_size = 256 * 1024;

/// Walks over the records of one stretch and gathers the wanted entries.
class stretch_reader {
 public:
  stretch_reader(const read_plan& plan, const planned_stretch& part,
                 std::vector<core::entry>& entries, std::uint64_t& bytes)
      : plan_(plan),
        source_(*part.source),
        stretch_(part.stretch),
        entries_(entries),
        bytes_(bytes),
        offset_(part.stretch.place.offset),
        previous_(part.stretch.place.previous_checksum),
        next_(part.stretch.from) {}

  /// True when the plan's byte limit is reached. Errors: `corrupt`, `io_failed`.
  result<bool> run() {
    while (next_ <= std::min(stretch_.to, plan_.last)) {
      auto block = load();
      if (!block) return std::unexpected(block.error());
      auto full = walk(*block);
      if (!full || *full) return full;
    }
    return false;
  }

 private:
  /// Reads the next piece of the file: at least what the next record is known to need.
  result<shared_bytes> load() {
    const auto end = stretch_.end_offset != 0 ? stretch_.end_offset : source_.header.size;
    const auto length = std::max(wanted_, std::min(piece_size, end - std::min(end, offset_)));
    byte_arena arena(length);
    const auto room = arena.reserve(length).first(length);
    auto got = source_.file->read(room, offset_);
    if (!got) return std::unexpected(got.error());
    if (*got < wanted_) return damaged();
    wanted_ = record_header_size;
    return arena.commit(*got);
  }

  /// Goes through the whole records of a block. True when the byte limit is reached.
  result<bool> walk(const shared_bytes& block) {
    std::uint64_t at = 0;
    while (next_ <= std::min(stretch_.to, plan_.last)) {
      const auto rest = block.span().subspan(at);
      const bool is_batch = has_batch_marker(rest);
      const auto size = size_at(rest, is_batch);
      if (size > rest.size()) {
        wanted_ = size;  // the next piece begins with it
        if (size > source_.header.size - offset_) return damaged();
        return false;
      }
      auto full = is_batch ? pass_batch(rest) : take(block, at);
      if (!full || *full) return full;
      at += size;
      offset_ += size;
    }
    return false;
  }

  /// How many bytes the thing at the front takes, as far as can be seen.
  static std::uint64_t size_at(std::span<const std::byte> rest, bool is_batch) {
    if (is_batch) return batch_header_size;
    if (rest.size() < record_header_size) return record_header_size;
    return record_size(peek_record(rest).payload_size);
  }

  result<bool> pass_batch(std::span<const std::byte> bytes) {
    const auto header = decode_batch_header(bytes, source_.seed, {source_.sequence(), offset_});
    if (!header || header->previous_checksum != previous_) return damaged();
    return false;
  }

  result<bool> take(const shared_bytes& block, std::uint64_t at) {
    const auto record = decode_record(block.span().subspan(at), previous_);
    if (!record) return damaged();
    previous_ = record->header.checksum;
    const auto& h = record->header;
    if (h.type != record_type::entry || h.group != plan_.group) return false;
    if (log_index(h.index) != next_) return damaged();
    if (next_ >= plan_.first) {
      core::entry e{log_index(h.index), term(h.term), static_cast<core::entry_kind>(h.kind),
                    log_time{h.time}, block.slice(at + record_header_size, h.payload_size)};
      const auto size = core::size_of(e);
      if (!entries_.empty() && bytes_ + size > plan_.max_bytes) return true;
      bytes_ += size;
      entries_.push_back(std::move(e));
    }
    next_ = next_.next();
    return false;
  }

  std::unexpected<error> damaged() const {
    return fail(error_code::corrupt,
                fmt::format("{}: damaged at offset {}: entry {} of group {} does not hold",
                            source_.path, offset_, next_.value(), plan_.group.value()));
  }

  const read_plan& plan_;
  const segment& source_;
  const entry_stretch& stretch_;
  std::vector<core::entry>& entries_;
  std::uint64_t& bytes_;
  std::uint64_t offset_;
  std::uint64_t previous_;
  log_index next_;
  std::uint64_t wanted_ = record_header_size;
};

}  // namespace

result<std::vector<core::entry>> read_entries(const read_plan& plan) {
  std::vector<core::entry> entries;
  std::uint64_t bytes = 0;
  for (const auto& part : plan.stretches) {
    auto full = stretch_reader(plan, part, entries, bytes).run();
    if (!full) return std::unexpected(full.error());
    if (*full) break;
  }
  return entries;
}

}  // namespace mainstay::wal
