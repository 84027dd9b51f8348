#include "mainstay/machines/key_value/snapshot.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/checksum.hpp"
#include "mainstay/machines/key_value/command.hpp"
#include "mainstay/machines/key_value/varint.hpp"

namespace mainstay::keyspace {

namespace {

constexpr std::string_view magic = "mainstaykv";
constexpr std::uint32_t format_version = 2;
constexpr std::size_t first_header_size = 24;  // magic, two bytes of zero, version, key count
constexpr std::size_t header_size = first_header_size + 8;  // and, since version 2, the time
constexpr std::size_t chunk_header_size = 12;               // length, chained checksum
constexpr std::size_t chunk_target = 64 * 1024;
constexpr std::size_t chunk_limit = chunk_target + max_key_bytes + max_value_bytes + 28;
constexpr std::size_t read_step = 1 << 20;

std::uint64_t chained(std::string_view bytes, std::uint64_t before) {
  return checksum(std::as_bytes(std::span(bytes)), before);
}

/// Gathers keys and values into chunks and hands them on.
class chunk_writer {
 public:
  explicit chunk_writer(const snapshot_writer& writer) : writer_(writer) {}

  result<void> begin(const snapshot_header& what) {
    char header[header_size] = {};
    char* at = std::ranges::copy(magic, header).out + 2;
    at = put_number(at, format_version, 4);
    at = put_number(at, what.keys, 8);
    put_number(at, static_cast<std::uint64_t>(what.time.microseconds), 8);
    return write({header, header_size}, true);
  }

  /// Once something failed, does nothing more; `finish` tells.
  void add(std::string_view key, const stored& content) {
    if (!outcome_) return;
    append_varint(chunk_, key.size() * 2 + (content.deadline ? 1 : 0));
    append_varint(chunk_, content.value.size());
    if (content.deadline) {
      char bytes[8];
      put_number(bytes, static_cast<std::uint64_t>(*content.deadline), sizeof bytes);
      chunk_.append(bytes, sizeof bytes);
    }
    chunk_.append(key);
    chunk_.append(content.value);
    if (chunk_.size() >= chunk_target) outcome_ = flush();
  }

  /// Ends with a chunk of no bytes.
  result<void> finish() {
    if (outcome_ && !chunk_.empty()) outcome_ = flush();
    if (outcome_) outcome_ = flush();
    return outcome_;
  }

 private:
  result<void> flush() {
    checksum_ = chained(chunk_, checksum_);
    char header[chunk_header_size];
    put_number(put_number(header, chunk_.size(), 4), checksum_, 8);
    auto written = write({header, chunk_header_size}, false);
    if (written && !chunk_.empty()) written = write(chunk_, false);
    chunk_.clear();
    return written;
  }

  result<void> write(std::string_view bytes, bool chain) {
    if (chain) checksum_ = chained(bytes, checksum_);
    return writer_(std::as_bytes(std::span(bytes)));
  }

  const snapshot_writer& writer_;
  std::string chunk_;
  std::uint64_t checksum_ = 0;
  result<void> outcome_;
};

/// Takes chunks apart again.
class chunk_reader {
 public:
  explicit chunk_reader(const snapshot_reader& reader) : reader_(reader) {}

  /// Reads the header.
  result<snapshot_header> begin() {
    if (auto read = fill(first_header_size); !read) return std::unexpected(read.error());
    std::string header = buffer_;
    if (!header.starts_with(magic) || header[10] != 0 || header[11] != 0) {
      return fail(error_code::malformed, "this is not a snapshot of the key-value machine");
    }
    version_ = load_number(std::string_view(header).substr(12)) & 0xffffffff;
    if (version_ < 1 || version_ > format_version) {
      return fail(error_code::unsupported, "snapshot of the key-value machine has version " +
                                               std::to_string(version_) + ", not 1 or 2");
    }
    if (version_ > 1) {
      if (auto read = fill(header_size - first_header_size); !read) {
        return std::unexpected(read.error());
      }
      header += buffer_;
    }
    checksum_ = chained(header, checksum_);
    snapshot_header what{.keys = load_number(std::string_view(header).substr(16)), .time = {}};
    if (version_ > 1) {
      const auto time = load_number(std::string_view(header).substr(first_header_size));
      what.time.microseconds = static_cast<std::int64_t>(time);
    }
    return what;
  }
  /// The format of what follows.
  std::uint64_t version() const { return version_; }

  /// The next chunk, valid until the next call; empty at the end.
  result<std::string_view> next() {
    if (auto read = fill(chunk_header_size); !read) return std::unexpected(read.error());
    const std::uint64_t first = load_number(buffer_);
    const std::size_t length = first & 0xffffffff;
    const std::uint64_t expected = load_number(std::string_view(buffer_).substr(4));
    if (length > chunk_limit) return fail(error_code::malformed, "snapshot chunk is too long");
    if (auto read = fill(length); !read) return std::unexpected(read.error());
    checksum_ = chained(buffer_, checksum_);
    if (checksum_ != expected) {
      return fail(error_code::corrupt, "checksum of a snapshot chunk does not match its bytes");
    }
    return buffer_;
  }

 private:
  /// Exactly `size` bytes into the buffer, which grows only as far as bytes really arrive.
  result<void> fill(std::size_t size) {
    buffer_.clear();
    std::size_t filled = 0;
    while (filled < size) {
      if (filled == buffer_.size()) buffer_.resize(std::min(size, filled + read_step));
      const auto room = std::as_writable_bytes(std::span(buffer_).subspan(filled));
      const auto got = reader_(room);
      if (!got) return std::unexpected(got.error());
      if (*got == 0) return fail(error_code::malformed, "snapshot is cut off");
      MAINSTAY_ASSERT(*got <= room.size());
      filled += *got;
    }
    return {};
  }

  const snapshot_reader& reader_;
  std::string buffer_;
  std::uint64_t version_ = 0;
  std::uint64_t checksum_ = 0;
};

std::unexpected<error> cut_off() {
  return fail(error_code::malformed, "snapshot entry is cut off");
}

/// Inserts the keys of one chunk.
result<void> insert_all(table& t, std::uint64_t version, std::string_view chunk) {
  while (!chunk.empty()) {
    const auto first = take_varint(chunk);
    const auto value_size = first ? take_varint(chunk) : std::nullopt;
    if (!value_size) return cut_off();
    const std::size_t key_size = version > 1 ? *first / 2 : *first;
    deadline when;
    if (version > 1 && *first % 2 != 0) {
      if (chunk.size() < 8) return cut_off();
      when = static_cast<std::int64_t>(load_number(chunk));
      chunk.remove_prefix(8);
    }
    if (key_size > chunk.size() || *value_size > chunk.size() - key_size) return cut_off();
    if (key_size > max_key_bytes || *value_size > max_value_bytes) {
      return fail(error_code::malformed, "snapshot entry is too long");
    }
    const auto key = t.hashed(chunk.substr(0, key_size));
    t.set(key, chunk.substr(key_size, *value_size), when);
    chunk.remove_prefix(key_size + *value_size);
  }
  return {};
}

}  // namespace

result<void> save_snapshot(const frozen_table& content, const snapshot_header& header,
                           const snapshot_writer& writer) {
  chunk_writer out(writer);
  if (auto begun = out.begin(header); !begun) return begun;
  const std::int64_t now = header.time.microseconds / 1000;
  content.for_each([&](std::string_view key, const stored& found) {
    if (!found.is_expired(now)) out.add(key, found);
  });
  return out.finish();
}

result<snapshot_header> restore_snapshot(table& t, const snapshot_reader& reader) {
  chunk_reader in(reader);
  const auto header = in.begin();
  if (!header) return header;

  table fresh = t.empty_copy();
  while (true) {
    const auto chunk = in.next();
    if (!chunk) return std::unexpected(chunk.error());
    if (chunk->empty()) break;
    if (auto inserted = insert_all(fresh, in.version(), *chunk); !inserted) {
      return std::unexpected(inserted.error());
    }
  }
  if (fresh.size() != header->keys) {
    return fail(error_code::malformed, "snapshot does not hold as many keys as it says");
  }
  t = std::move(fresh);
  return header;
}

}  // namespace mainstay::keyspace
