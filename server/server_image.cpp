/// The server machine's image (docs/formats/server_machine.md): logs and locks before an image of
/// the key-value machine, or that alone.
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "mainstay/base/fields.hpp"
#include "mainstay/seams/machine_image.hpp"

#include "server/server_machine.hpp"

namespace mainstay::server {

namespace {

constexpr std::string_view magic = "mainstaykv";
/// The first version that is not the key-value machine's own.
constexpr std::uint32_t format_version = 3;
constexpr std::size_t head_size = 16;

std::array<char, head_size> head_of(std::uint32_t version) {
  std::array<char, head_size> head{};
  magic.copy(head.data(), magic.size());
  for (std::size_t i = 0; i < 4; ++i) head[12 + i] = static_cast<char>(version >> (8 * i));
  return head;
}

result<std::array<char, head_size>> read_head(const snapshot_reader& reader) {
  std::array<char, head_size> head{};
  for (std::span<std::byte> room = std::as_writable_bytes(std::span(head)); !room.empty();) {
    const auto got = reader(room);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return fail(error_code::malformed, "the image is cut off");
    room = room.subspan(*got);
  }
  return head;
}

/// Gives the head again, and then what follows it.
snapshot_reader behind(std::string head, const snapshot_reader& rest) {
  return [head = std::move(head), &rest](std::span<std::byte> room) mutable -> result<std::size_t> {
    if (head.empty()) return rest(room);
    const auto size = std::min(room.size(), head.size());
    std::memcpy(room.data(), head.data(), size);
    head.erase(0, size);
    return size;
  };
}

/// The number that stands before the logs.
result<void> restore_logs(log_map& logs, const snapshot_reader& reader) {
  image_reader names(reader, "logs", 1);
  for (auto left = names.number(); names.is_sound() && left > 0; --left) {
    auto key = names.text(keyspace::max_key_bytes);
    if (!names.is_sound()) break;
    replicated_log log;
    if (auto restored = log.restore(reader); !restored) return restored;
    if (!logs.emplace(std::move(key), std::move(log)).second) names.refuse("a log is there twice");
  }
  return names.outcome();
}

}  // namespace

frozen_server_machine server_machine::freeze() {
  log_map logs;
  for (auto& [key, log] : logs_) logs.emplace_hint(logs.end(), key, log.freeze());
  return {strings_.freeze(), std::move(logs), locks_.freeze()};
}

result<void> frozen_server_machine::save(const snapshot_writer& writer) const {
  if (logs_.empty() && locks_.is_untouched()) return strings_.save(writer);
  const auto head = head_of(format_version);
  if (auto written = writer(std::as_bytes(std::span(head))); !written) return written;
  image_writer names(writer, "logs", 1);
  names.number(logs_.size());
  for (const auto& [key, log] : logs_) {
    names.text(key);
    if (auto written = names.finish(); !written) return written;
    if (auto written = log.save(writer); !written) return written;
  }
  if (auto written = names.finish(); !written) return written;
  if (auto written = locks_.save(writer); !written) return written;
  return strings_.save(writer);
}

/// The key-value machine comes last, because it replaces its state itself.
result<void> server_machine::restore(const snapshot_reader& reader) {
  const auto head = read_head(reader);
  if (!head) return std::unexpected(head.error());
  log_map logs;
  distributed_lock locks;
  if (*head != head_of(format_version)) {
    const auto whole = behind(std::string(head->data(), head->size()), reader);
    if (auto restored = strings_.restore(whole); !restored) return restored;
  } else {
    if (auto restored = restore_logs(logs, reader); !restored) return restored;
    if (auto restored = locks.restore(reader); !restored) return restored;
    if (auto restored = strings_.restore(reader); !restored) return restored;
  }
  logs_ = std::move(logs);
  locks_ = std::move(locks);
  return {};
}

}  // namespace mainstay::server
