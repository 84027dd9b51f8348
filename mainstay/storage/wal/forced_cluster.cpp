#include "mainstay/storage/wal/forced_cluster.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mainstay/core/raft.hpp"
#include "mainstay/storage/wal/entry_reader.hpp"
#include "mainstay/storage/wal/inspect.hpp"
#include "mainstay/storage/wal/segmented_log.hpp"

namespace mainstay::wal {

namespace {

constexpr std::uint64_t piece_bytes = 1 << 20;

std::unexpected<error> refuse(std::string why) {
  return fail(error_code::invalid_argument, std::move(why));
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string unfinished_directory(const std::string& directory) {
  return without_slash(directory) + ".recovering";
}

/// The log of a directory, as it is found there.
struct opened_log {
  segment_header header;
  std::unique_ptr<inline_runner> runner;
  std::unique_ptr<segmented_log> log;
  core::raft replica;  ///< what a node would make of it
};

result<core::raft> replica_of(const segmented_log& log, group_id group) {
  auto found = log.state_of(group, 0);
  if (!found) return std::unexpected(found.error());
  const auto config = core::valid_config::check(core::config{});
  if (!config) return std::unexpected(config.error());
  core::initial_state initial = initial_state_of(*std::move(found));
  initial.id = log.identity().node;
  initial.bootstrap = log.bootstrap();
  return core::raft::start(*config, std::move(initial), instant{});
}

result<opened_log> open_existing(file_system& files, const std::string& directory, group_id group) {
  const auto header = find_log(files, directory);
  if (!header) return std::unexpected(header.error());
  if (!*header) return refuse(directory + " holds no log");
  auto runner = std::make_unique<inline_runner>(files);
  core::configuration unused;
  unused.voters = {{(*header)->identity.node, ""}};
  auto log = segmented_log::open({.directory = directory,
                                  .identity = (*header)->identity,
                                  .bootstrap = std::move(unused),
                                  .segment_size = (*header)->size},
                                 files, *runner);
  if (!log) return std::unexpected(log.error());
  auto replica = replica_of(**log, group);
  if (!replica) return std::unexpected(replica.error());
  return opened_log{**header, std::move(runner), *std::move(log), *std::move(replica)};
}

survivor survivor_of(const opened_log& old) {
  const auto& r = old.replica;
  return {.identity = old.log->identity(),
          .hard_state = {r.current_term(), r.voted_for()},
          .last_index = r.last_index(),
          .last_term = r.entries().last_term(),
          .snapshot = r.snapshot(),
          .configuration = r.configuration()};
}

result<core::configuration> only_member(const survivor& found, const std::string& address) {
  core::member self{.id = found.identity.node, .address = address_of(found, address)};
  if (self.address.empty()) {
    return refuse(fmt::format("node {} is no member by its own log; say where it is reached",
                              self.id.value()));
  }
  core::configuration alone;
  alone.voters = {std::move(self)};
  return alone;
}

bool is_there(file_system& files, const std::string& directory) {
  return files.list(directory).has_value();
}

result<void> refuse_what_is_in_the_way(file_system& files, const std::string& directory) {
  const auto unfinished = unfinished_directory(directory);
  const auto kept = kept_directory(directory);
  const bool has_both = is_there(files, unfinished) && is_there(files, kept);
  if (!is_there(files, directory) && has_both) {
    return refuse(
        fmt::format("{} is missing, because a recovery was cut short at its very end: "
                    "rename {} to it, and all is done",
                    directory, unfinished));
  }
  for (const auto& path : {unfinished, kept}) {
    if (!is_there(files, path)) continue;
    return refuse(fmt::format("{} is left of an earlier recovery; move it away first", path));
  }
  return {};
}

/// Writes an image with the same state and the new configuration.
result<void> copy_image(const opened_log& old, group_id group, core::configuration members,
                        snapshot_store& to) {
  const auto& snapshot = old.replica.snapshot();
  if (!snapshot) return {};
  const auto& id = snapshot->id;
  auto source = old.log->snapshots().open_image(group, id);
  if (!source) return std::unexpected(source.error());
  auto sink = to.begin(
      group, {id.last_included_index, id.last_included_term, snapshot->time, std::move(members)});
  if (!sink) return std::unexpected(sink.error());
  std::vector<std::byte> room(piece_bytes);
  while (true) {
    const auto got = (*source)->read(room);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    if (auto ok = (*sink)->write(std::span(room).first(*got)); !ok) return ok;
  }
  if (auto made = (*sink)->commit(); !made) return std::unexpected(made.error());
  return {};
}

result<void> write(segmented_log& to, group_id group, const core::persist_batch& batch) {
  if (auto ok = to.add(group, batch); !ok) return ok;
  return to.flush();
}

/// The entries, in a term of which nobody of the old cluster can be the leader. Configurations of
/// the old cluster become entries without meaning.
result<void> copy_log(const opened_log& old, group_id group, segmented_log& to) {
  const auto& entries = old.replica.entries();
  core::persist_batch first;
  first.has_hard_state = true;
  first.state = {old.replica.current_term().next(), node_id()};
  if (entries.base_index()) {
    first.reset_to = core::term_run{entries.base_index(), entries.term_at(entries.base_index())};
  }
  if (auto ok = write(to, group, first); !ok) return ok;
  for (log_index next = entries.base_index().next(); next <= old.replica.last_index();) {
    const auto plan = old.log->plan_read(group, next, old.replica.last_index(), piece_bytes);
    if (!plan) return std::unexpected(plan.error());
    auto piece = read_entries(*plan);
    if (!piece) return std::unexpected(piece.error());
    core::persist_batch batch;
    batch.entries = *std::move(piece);
    for (auto& e : batch.entries) {
      if (e.kind != core::entry_kind::configuration) continue;
      e.kind = core::entry_kind::no_op;
      e.payload = {};
    }
    next = batch.entries.back().index.next();
    if (auto ok = write(to, group, batch); !ok) return ok;
  }
  return to.prove();
}

result<void> write_new_cluster(file_system& files, const forced_cluster_options& options,
                               const opened_log& old, const core::configuration& alone) {
  const auto& owner = old.log->identity();
  const auto place = unfinished_directory(options.directory);
  inline_runner runner(files);
  auto made = segmented_log::open({.directory = place,
                                   .identity = {options.cluster, owner.node, options.disk},
                                   .bootstrap = alone,
                                   .segment_size = old.header.size},
                                  files, runner);
  if (!made) return std::unexpected(made.error());
  auto copied = copy_image(old, options.group, alone, (*made)->snapshots());
  if (copied) copied = copy_log(old, options.group, **made);
  if (copied) return {};
  return fail(copied.error().code, fmt::format("{} (nothing has changed in {}; remove {})",
                                               copied.error().message, options.directory, place));
}

}  // namespace

std::string address_of(const survivor& found, const std::string& given) {
  if (!given.empty()) return given;
  const auto members = found.configuration.members();
  const auto self = std::ranges::find(members, found.identity.node, &core::member::id);
  return self == members.end() ? std::string() : self->address;
}

std::string kept_directory(const std::string& directory) {
  return without_slash(directory) + ".before-recovery";
}

result<survivor> inspect_survivor(file_system& files, const std::string& directory,
                                  group_id group) {
  const auto old = open_existing(files, directory, group);
  if (!old) return std::unexpected(old.error());
  return survivor_of(*old);
}

result<survivor> force_new_cluster(file_system& files, const forced_cluster_options& options) {
  if (auto ok = refuse_what_is_in_the_way(files, options.directory); !ok) {
    return std::unexpected(ok.error());
  }
  const auto old = open_existing(files, options.directory, options.group);
  if (!old) return std::unexpected(old.error());
  auto found = survivor_of(*old);
  if (!options.cluster || options.cluster == found.identity.cluster) {
    return refuse("the new cluster needs an id of its own");
  }
  const auto alone = only_member(found, options.address);
  if (!alone) return std::unexpected(alone.error());
  if (auto ok = write_new_cluster(files, options, *old, *alone); !ok) {
    return std::unexpected(ok.error());
  }

  const auto directory = without_slash(options.directory);
  const std::filesystem::path path(directory);
  const std::string parent =
      path.has_parent_path() ? path.parent_path().string() : std::string(1, '.');
  auto placed = files.rename(directory, kept_directory(directory));
  if (placed) placed = files.rename(unfinished_directory(directory), directory);
  if (placed) placed = files.sync_directory(parent);
  if (!placed) return std::unexpected(placed.error());
  return found;
}

}  // namespace mainstay::wal
