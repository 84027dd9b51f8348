#include "cli/forget_peer_command.hpp"

#include <ostream>

#include <fmt/format.h>

#include "mainstay/storage/wal/peer_file.hpp"

namespace mainstay::cli {

namespace {

exit_code print_error(const output& to, const error& why) {
  if (to.json) {
    print_json(to, {{"error", name_of(why.code)}, {"message", why.message}});
  } else {
    to.err << "mainstayctl: " << why.message << '\n';
  }
  const bool damaged = why.code == error_code::corrupt || why.code == error_code::unsupported;
  return damaged ? exit_code::damaged : exit_code::io_failed;
}

/// The disk that was known, none when there was none.
result<incarnation> forget(const forget_peer_options& options, wal::file_system& files) {
  // Looked at before the lock is taken, which would leave a file in a directory of something else.
  auto found = wal::read_peers(files, options.directory);
  if (!found) return std::unexpected(found.error());
  if (!*found) return incarnation();
  const auto lock = files.lock(options.directory + "/lock");
  if (!lock) return std::unexpected(lock.error());
  found = wal::read_peers(files, options.directory);
  if (!found) return std::unexpected(found.error());
  if (!*found) return incarnation();
  const node_id peer(options.node);
  const auto known = (*found)->disk_behind.find(peer);
  if (known == (*found)->disk_behind.end()) return incarnation();
  auto file = wal::peer_file::open(files, options.directory, (*found)->owner);
  if (!file) return std::unexpected(file.error());
  if (auto ok = file->forget(peer); !ok) return std::unexpected(ok.error());
  return known->second.disk;
}

}  // namespace

exit_code run_forget_peer(const forget_peer_options& options, wal::file_system& files,
                          const output& to) {
  const auto known = forget(options, files);
  if (!known) return print_error(to, known.error());
  const auto disk = *known ? fmt::format("{:016x}", known->value()) : std::string();
  if (to.json) {
    print_json(to, {{"node", options.node}, {"incarnation", disk}, {"forgotten", !disk.empty()}});
  } else if (disk.empty()) {
    to.out << fmt::format("{} knows no disk of node {}\n", options.directory, options.node);
  } else {
    to.out << fmt::format(
        "forgotten: disk incarnation {} of node {}; the next disk that comes "
        "under this id is believed\n",
        disk, options.node);
  }
  return disk.empty() ? exit_code::not_found : exit_code::done;
}

}  // namespace mainstay::cli
