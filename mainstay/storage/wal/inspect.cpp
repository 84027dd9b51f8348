#include "mainstay/storage/wal/inspect.hpp"

#include <algorithm>
#include <vector>

#include "mainstay/storage/wal/batch_scanner.hpp"
#include "mainstay/storage/wal/other_engine.hpp"
#include "mainstay/storage/wal/segment.hpp"

namespace mainstay::wal {

namespace {

/// Visits one segment file.
class segment_inspector {
 public:
  segment_inspector(segment& source, const item_visitor& visit)
      : source_(source), visit_(visit), scanner_(source) {}

  /// False when the visitor wants no more.
  result<bool> run() {
    segment_header_bytes bytes;
    auto got = source_.file->read(bytes, 0);
    if (!got) return std::unexpected(got.error());
    inspected_item item{.kind = item_kind::segment, .file = source_.path};
    const auto decoded = decode_segment_header(std::span(bytes).first(*got));
    if (!decoded) {
      item.damaged = true;
      item.note = decoded.error().message;
      return visit_(item);  // without the seed nothing in the segment can be checked
    }
    source_.header = item.segment = decoded->header;
    source_.seed = decoded->seed;
    if (!visit_(item)) return false;
    return batches();
  }

 private:
  result<bool> batches() {
    std::uint64_t offset = segment_header_size;
    while (true) {
      auto header = scanner_.find_header(offset);
      if (!header) return std::unexpected(header.error());
      const bool gap = *header && (*header)->self.offset != offset;
      if (gap && !visit_(damage(item_kind::batch, offset, "no batch holds here"))) return false;
      if (!*header) {
        return visit_({.kind = item_kind::end, .file = source_.path, .offset = offset});
      }
      auto next = batch(**header);
      if (!next) return std::unexpected(next.error());
      if (*next == 0) return false;
      offset = *next;
    }
  }

  /// Visits one batch; gives the offset behind what holds of it, or 0 to end.
  result<std::uint64_t> batch(const batch_header& header) {
    inspected_item item{
        .kind = item_kind::batch, .file = source_.path, .offset = header.self.offset};
    item.batch = header;
    if (!visit_(item)) return 0;

    const auto first = header.self.offset + batch_header_size;
    auto bytes = scanner_.bytes(first, header.length);
    if (!bytes) return std::unexpected(bytes.error());
    auto rest = bytes->first(std::min<std::uint64_t>(bytes->size(), header.length));
    const auto end = first + rest.size();
    auto chain =
        header.self.offset == segment_header_size ? source_.seed : header.previous_checksum;
    while (!rest.empty()) {
      const auto offset = end - rest.size();
      const auto record = decode_record(rest, chain);
      if (!record) {
        return visit_(damage(item_kind::record, offset, "the record does not hold")) ? offset : 0;
      }
      item = {.kind = item_kind::record, .file = source_.path, .offset = offset};
      item.record = record->header;
      if (!visit_(item)) return 0;
      chain = record->header.checksum;
      rest = rest.subspan(record_size(record->header.payload_size));
    }
    return end;
  }

  inspected_item damage(item_kind kind, std::uint64_t offset, std::string_view note) const {
    return {.kind = kind, .file = source_.path, .offset = offset, .damaged = true, .note = note};
  }

  segment& source_;
  const item_visitor& visit_;
  batch_scanner scanner_;
};

}  // namespace

result<void> inspect(file_system& files, const std::string& directory, const item_visitor& visit) {
  if (auto ok = refuse_other_engine(files, directory, engine_kind::wal); !ok) return ok;
  auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  std::erase_if(*names, [](const std::string& name) { return !sequence_in(name); });
  std::ranges::sort(*names);
  for (const auto& name : *names) {
    segment source;
    source.path.append(directory).append("/").append(name);
    auto file = files.open(source.path, open_mode::read_only);
    if (!file) return std::unexpected(file.error());
    source.file = std::move(*file);
    auto more = segment_inspector(source, visit).run();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
  }
  return {};
}

std::string_view name_of(record_type type) {
  switch (type) {
    case record_type::entry:
      return "entry";
    case record_type::hard_state:
      return "hard_state";
    case record_type::truncate:
      return "truncate";
    case record_type::base:
      return "base";
    case record_type::bootstrap:
      return "bootstrap";
    case record_type::group_state:
      return "group_state";
    case record_type::reset:
      return "reset";
  }
  return "unknown";
}

result<std::optional<segment_header>> find_log(file_system& files, const std::string& directory) {
  std::optional<segment_header> found;
  std::string damaged;
  bool has_log = false;
  const auto visited = inspect(files, directory, [&](const inspected_item& item) {
    if (item.kind == item_kind::segment && item.damaged) {
      damaged = item.file;
    } else if (item.kind == item_kind::segment) {
      found = item.segment;
    }
    has_log = has_log || item.kind == item_kind::batch;
    return !has_log;
  });
  if (!visited) return std::unexpected(visited.error());
  if (has_log) return found;
  if (damaged.empty()) return std::nullopt;
  return fail(error_code::corrupt, damaged + ": the segment's header does not hold");
}

}  // namespace mainstay::wal
