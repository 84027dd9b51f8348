#include "mainstay/storage/wal/peer_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/checksum.hpp"

namespace mainstay::wal {

namespace {

constexpr std::string_view magic = "MNSTYPRS";
constexpr std::uint32_t peer_format_version = 2;
constexpr std::uint32_t oldest_version = 1;  // without the index at which a peer joined
constexpr std::size_t version_at = 8;
constexpr std::size_t count_at = 12;
constexpr std::size_t owner_at = 16;
constexpr std::size_t peers_at = 40;
constexpr std::size_t checksum_size = 8;

/// Of one peer.
constexpr std::size_t peer_size(std::uint32_t version) {
  return version == oldest_version ? 16 : 24;
}

constexpr std::size_t size_with(std::size_t peers, std::uint32_t version = peer_format_version) {
  return peers_at + peers * peer_size(version) + checksum_size;
}

std::uint32_t load_u32(const std::byte* from) {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void store_u32(std::byte* to, std::uint32_t value) { std::memcpy(to, &value, sizeof value); }

std::unexpected<error> corrupt(std::size_t offset, std::string_view what) {
  return fail(error_code::corrupt, fmt::format("at offset {}: {}", offset, what));
}

/// Everything but the list of peers.
result<void> check_frame(std::span<const std::byte> bytes) {
  if (bytes.size() < count_at) return corrupt(bytes.size(), "the file is cut off");
  const auto* at = bytes.data();
  if (std::memcmp(at, magic.data(), magic.size()) != 0) {
    return corrupt(0, "it does not begin with the magic number of a file of peers");
  }
  const auto version = load_u32(at + version_at);
  if (version < oldest_version || version > peer_format_version) {
    return fail(error_code::unsupported,
                fmt::format("at offset {}: format version {}, this build reads versions {} to {}",
                            version_at, version, oldest_version, peer_format_version));
  }
  if (bytes.size() < size_with(0)) return corrupt(bytes.size(), "the file is cut off");
  const std::size_t count = load_u32(at + count_at);
  if (count > max_known_peers || bytes.size() != size_with(count, version)) {
    return corrupt(count_at,
                   fmt::format("{} peers do not fit a file of {} bytes", count, bytes.size()));
  }
  const auto sum_at = bytes.size() - checksum_size;
  if (checksum(bytes.first(sum_at)) != load_u64(at + sum_at)) {
    return corrupt(sum_at, "the checksum does not hold");
  }
  return {};
}

std::string path_of(const std::string& directory, std::string_view suffix = {}) {
  return fmt::format("{}/{}{}", directory, peer_file_name, suffix);
}

constexpr std::string_view unfinished = ".new";

result<std::vector<std::byte>> read_whole(file_system& files, const std::string& path) {
  auto opened = files.open(path, open_mode::read_only);
  if (!opened) return std::unexpected(opened.error());
  const auto size = (*opened)->size();
  if (!size) return std::unexpected(size.error());
  // A byte more than the largest file is enough to see that it is too large.
  std::vector<std::byte> bytes(std::min<std::uint64_t>(*size, size_with(max_known_peers) + 1));
  const auto got = (*opened)->read(bytes, 0);
  if (!got) return std::unexpected(got.error());
  bytes.resize(*got);
  return bytes;
}

}  // namespace

std::vector<std::byte> encode(const known_peers& peers) {
  MAINSTAY_ASSERT(peers.disk_behind.size() <= max_known_peers);
  std::vector<std::byte> bytes(size_with(peers.disk_behind.size()));
  auto* at = bytes.data();
  std::memcpy(at, magic.data(), magic.size());
  store_u32(at + version_at, peer_format_version);
  store_u32(at + count_at, static_cast<std::uint32_t>(peers.disk_behind.size()));
  store_u64(at + owner_at, peers.owner.cluster.value());
  store_u64(at + owner_at + 8, peers.owner.node.value());
  store_u64(at + owner_at + 16, peers.owner.incarnation.value());
  at += peers_at;
  for (const auto& [peer, met] : peers.disk_behind) {
    store_u64(at, peer.value());
    store_u64(at + 8, met.disk.value());
    store_u64(at + 16, met.joined.value());
    at += peer_size(peer_format_version);
  }
  store_u64(at, checksum(std::span(bytes).first(bytes.size() - checksum_size)));
  return bytes;
}

result<known_peers> decode_peers(std::span<const std::byte> bytes) {
  if (auto ok = check_frame(bytes); !ok) return std::unexpected(ok.error());
  const auto* at = bytes.data();
  known_peers peers;
  peers.owner = {cluster_id(load_u64(at + owner_at)), node_id(load_u64(at + owner_at + 8)),
                 incarnation(load_u64(at + owner_at + 16))};
  if (!peers.owner.cluster || !peers.owner.node || !peers.owner.incarnation) {
    return corrupt(owner_at, "the owner has an id of 0");
  }
  node_id before;
  const auto version = load_u32(at + version_at);
  const auto size = peer_size(version);
  for (auto offset = peers_at; offset < bytes.size() - checksum_size; offset += size) {
    const node_id peer(load_u64(at + offset));
    known_disk met{incarnation(load_u64(at + offset + 8)), {}};
    if (version > oldest_version) met.joined = log_index(load_u64(at + offset + 16));
    if (peer <= before || peer == peers.owner.node || !met.disk) {
      return corrupt(offset, "the peer is out of order, the owner, or without a disk");
    }
    peers.disk_behind.emplace_hint(peers.disk_behind.end(), peer, met);
    before = peer;
  }
  return peers;
}

result<std::optional<known_peers>> read_peers(file_system& files, const std::string& directory) {
  const auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  if (std::ranges::find(*names, peer_file_name) == names->end()) return std::nullopt;
  const auto path = path_of(directory);
  const auto bytes = read_whole(files, path);
  if (!bytes) return std::unexpected(bytes.error());
  auto peers = decode_peers(*bytes);
  if (!peers) return fail(peers.error().code, path + ": " + peers.error().message);
  return *std::move(peers);
}

result<peer_file> peer_file::open(file_system& files, const std::string& directory,
                                  const identity& owner) {
  auto found = read_peers(files, directory);
  if (!found) return std::unexpected(found.error());
  if (!*found) return peer_file(files, directory, {owner, {}});
  if (const auto& has = (*found)->owner; has != owner) {
    return fail(error_code::wrong_identity,
                fmt::format("{} belongs to cluster {}, node {}, disk incarnation {:016x}, but the "
                            "log beside it to cluster {}, node {}, disk incarnation {:016x}: the "
                            "log that was here is gone, or the file is from elsewhere",
                            path_of(directory), has.cluster.value(), has.node.value(),
                            has.incarnation.value(), owner.cluster.value(), owner.node.value(),
                            owner.incarnation.value()));
  }
  return peer_file(files, directory, **std::move(found));
}

result<void> peer_file::remember(node_id peer, known_disk met) {
  if (!peer || !met.disk || peer == content_.owner.node) {
    return fail(error_code::invalid_argument,
                fmt::format("node {} with disk incarnation {:016x} is no peer", peer.value(),
                            met.disk.value()));
  }
  auto content = content_;
  content.disk_behind[peer] = met;
  if (content.disk_behind.size() > max_known_peers) {
    return fail(error_code::overloaded,
                fmt::format("{} peers are known, which is the limit", max_known_peers));
  }
  return replace(std::move(content));
}

result<void> peer_file::forget(node_id peer) {
  auto content = content_;
  if (content.disk_behind.erase(peer) == 0) return {};
  return replace(std::move(content));
}

result<void> peer_file::replace(known_peers content) {
  if (failure_) return std::unexpected(*failure_);
  auto written = write_beside(encode(content));
  // Without room the old file stands as it did. A failed rename or directory flush may have changed
  // which one stands, for whatever reason it failed.
  if (!written && written.error().code == error_code::no_space) return written;
  if (written) written = put_in_place();
  if (!written) {
    failure_ = written.error();
    return written;
  }
  content_ = std::move(content);
  return {};
}

result<void> peer_file::write_beside(std::span<const std::byte> bytes) {
  auto made = files_->create(path_of(directory_, unfinished));
  if (!made) return std::unexpected(made.error());
  const std::array<std::span<const std::byte>, 1> pieces{bytes};
  auto written = (*made)->write(pieces, 0);
  if (written) written = (*made)->datasync();
  if (!written && written.error().code == error_code::no_space) {
    // What was begun would only take up more of the room that is missing.
    if (auto removed = files_->remove(path_of(directory_, unfinished)); !removed) return removed;
  }
  return written;
}

result<void> peer_file::put_in_place() {
  if (auto ok = files_->rename(path_of(directory_, unfinished), path_of(directory_)); !ok) {
    return ok;
  }
  return files_->sync_directory(directory_);
}

}  // namespace mainstay::wal
