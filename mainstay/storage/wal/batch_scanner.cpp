#include "mainstay/storage/wal/batch_scanner.hpp"

namespace mainstay::wal {

result<std::optional<batch_header>> batch_scanner::header_at(std::uint64_t offset) {
  auto bytes = window_.view(offset, batch_header_size);
  if (!bytes) return std::unexpected(bytes.error());
  return decode_batch_header(*bytes, source_->seed, {source_->sequence(), offset});
}

result<std::optional<scanned_batch>> batch_scanner::read(std::uint64_t offset,
                                                         std::uint64_t chain) {
  damage_ = {offset, {}};
  auto header = header_at(offset);
  if (!header) return std::unexpected(header.error());
  if (!*header) return std::optional<scanned_batch>();

  const std::uint64_t length = (*header)->length;
  auto bytes = window_.view(offset, batch_header_size + length);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() < batch_header_size + length) return std::optional<scanned_batch>();

  scanned_batch batch{**header, bytes->subspan(batch_header_size, length),
                      offset + batch_header_size + length, chain};
  std::uint32_t count = 0;
  for (auto rest = batch.records; !rest.empty(); ++count) {
    damage_.offset = batch.end_offset - rest.size();
    const auto record = decode_record(rest, batch.chain);
    if (!record) return std::optional<scanned_batch>();
    if (record->header.type == record_type::entry) damage_.last_entry = record->header;
    batch.chain = record->header.checksum;
    rest = rest.subspan(record_size(record->header.payload_size));
  }
  if (count != batch.header.count) return std::optional<scanned_batch>();
  return batch;
}

result<std::optional<batch_header>> batch_scanner::find_header(std::uint64_t offset) {
  while (true) {
    auto bytes = window_.view(offset, batch_header_size);
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->size() < batch_header_size) return std::optional<batch_header>();
    for (; bytes->size() >= batch_header_size; offset += 8, *bytes = bytes->subspan(8)) {
      if (!has_batch_marker(*bytes)) continue;
      auto header = decode_batch_header(*bytes, source_->seed, {source_->sequence(), offset});
      if (header) return header;
    }
  }
}

}  // namespace mainstay::wal
