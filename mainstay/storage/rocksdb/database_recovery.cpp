// How a database_log begins: whose database it is, all of its records, and the images beside it.
#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "mainstay/storage/rocksdb/database_log.hpp"
#include "mainstay/storage/wal/other_engine.hpp"

namespace mainstay::database {

namespace {

constexpr std::uint64_t least_buffer = 1 << 20;
constexpr std::uint64_t most_buffer = 1 << 30;

result<void> check_options(const log_options& options) {
  const auto size = options.write_buffer_bytes;
  if (size < least_buffer || size > most_buffer) {
    return fail(error_code::invalid_argument,
                fmt::format("write_buffer_bytes ({}) must be from {} to {}", size, least_buffer,
                            most_buffer));
  }
  if (!options.identity.cluster || !options.identity.node || !options.identity.incarnation) {
    return fail(error_code::invalid_argument, "cluster, node and incarnation must not be 0");
  }
  return core::check(options.bootstrap);
}

/// RocksDB would begin anew, and remove what it does not know, in a folder without `CURRENT`.
result<void> refuse_remains(wal::file_system& files, const std::string& folder) {
  const auto names = files.list(folder);
  if (!names) return std::unexpected(names.error());
  if (std::ranges::find(*names, "CURRENT") != names->end()) return {};
  for (const auto& name : *names) {
    if (!name.ends_with(".sst") && !name.ends_with(".log")) continue;
    return fail(error_code::corrupt,
                fmt::format("{}: CURRENT is missing, but {} is there: the folder is not whole; "
                            "restore it from the same disk, or remove the whole directory and let "
                            "the node join again as a new one",
                            folder, name));
  }
  return {};
}

/// Goes through the records of a database.
class replay {
 public:
  replay(open_database& from, recovered_log& into) : from_(from), log_(into) {}

  result<void> run() {
    auto ok = from_.visit(family::hard_state, [this](std::string_view key, std::string_view value) {
      return take_group(key, value);
    });
    if (ok) {
      ok = from_.visit(family::entries, [this](std::string_view key, std::string_view value) {
        return take_entry(key, value);
      });
    }
    if (ok) {
      ok = from_.visit(family::snapshots, [this](std::string_view key, std::string_view value) {
        return take_image(key, value);
      });
    }
    return ok ? check_ends() : ok;
  }

 private:
  result<void> take_group(std::string_view key, std::string_view value) {
    const auto id = group_in(key);
    const auto record = id ? group_record_in(key, value) : std::nullopt;
    if (!record) {
      return from_.damaged(family::hard_state, fmt::format("the record of group {} does not hold",
                                                           id ? id->value() : 0));
    }
    auto& group = log_.groups[*id];
    group.set_hard_state(record->hard_state);
    group.reset(record->base.first, record->base.term);
    expected_[*id] = *record;
    return {};
  }

  result<void> take_entry(std::string_view key, std::string_view value) {
    const auto place = place_in(key);
    if (!place) return from_.damaged(family::entries, "a key is not that of an entry");
    const auto group = log_.groups.find(place->group);
    if (group == log_.groups.end()) {
      return lost(*place, "is there, but the group's record in hard_state is missing");
    }
    const auto wanted = group->second.last_index().next();
    if (place->index < wanted) return lost(*place, "was removed, but is there");
    if (place->index > wanted) return lost({place->group, wanted}, "is missing");
    const auto e = entry_in(key, value);
    if (!e) return lost(*place, "does not hold");
    if (const auto why = group->second.objection_to_entry(e->index, e->term)) {
      return lost(*place, *why);
    }
    group->second.append(e->index, e->term, e->kind, {});
    return {};
  }

  result<void> take_image(std::string_view key, std::string_view value) {
    const auto id = group_in(key);
    const auto image = id ? image_in(key, value) : std::nullopt;
    if (!image) {
      return from_.damaged(family::snapshots, fmt::format("the record of group {} does not hold",
                                                          id ? id->value() : 0));
    }
    log_.images[*id] = *image;
    return {};
  }

  result<void> check_ends() const {
    for (const auto& [id, record] : expected_) {
      const auto& group = log_.groups.at(id);
      const core::term_run last{group.last_index(), group.last_term()};
      if (last == record.last) continue;
      if (last.first < record.last.first) return lost({id, last.first.next()}, "is missing");
      return lost({id, last.first}, "is there, but the log ended before it, or in another term");
    }
    return {};
  }

  std::unexpected<error> lost(const entry_place& place, std::string_view how) const {
    return from_.damaged(
        family::entries,
        fmt::format("entry {} of group {} {}", place.index.value(), place.group.value(), how));
  }

  open_database& from_;
  recovered_log& log_;
  std::map<group_id, group_record> expected_;
};

/// True when there is no record at all.
result<bool> is_new(const open_database& database) {
  bool has_records = false;
  for (const auto which : {family::entries, family::hard_state, family::snapshots}) {
    const std::unique_ptr<::rocksdb::Iterator> at(
        database.raw().NewIterator({}, database.handle(which)));
    at->SeekToFirst();
    if (auto ok = database.outcome(at->status(), which, "read"); !ok) {
      return std::unexpected(ok.error());
    }
    has_records = has_records || at->Valid();
  }
  return !has_records;
}

result<void> write_owner(open_database& to, const owner_record& owner) {
  ::rocksdb::WriteOptions durable;
  durable.sync = true;
  const auto status = to.raw().Put(durable, to.handle(family::owner), ::rocksdb::Slice(owner_key),
                                   ::rocksdb::Slice(encode(owner)));
  return to.outcome(status, family::owner, "write");
}

/// Whose database it is; a new one becomes that of whoever opens it.
result<owner_record> owner_of(open_database& database, const log_options& options) {
  const auto value = database.owner();
  if (!value) return std::unexpected(value.error());
  if (value->empty()) {
    const auto fresh = is_new(database);
    if (!fresh) return std::unexpected(fresh.error());
    if (!*fresh) return database.damaged(family::owner, "the owner's record is missing");
    owner_record owner{options.identity, options.bootstrap};
    if (auto ok = write_owner(database, owner); !ok) return std::unexpected(ok.error());
    return owner;
  }
  auto owner = owner_in(*value);
  if (!owner) {
    const auto& why = owner.error();
    if (why.code == error_code::corrupt) {
      return database.damaged(family::owner, "the owner's record: " + why.message);
    }
    return fail(why.code, fmt::format("{}: {}", database.folder(), why.message));
  }
  const auto& has = owner->identity;
  if (has.cluster == options.identity.cluster && has.node == options.identity.node) return owner;
  return fail(error_code::wrong_identity,
              fmt::format("{}: the directory belongs to node {} of cluster {}, not to node {} of "
                          "cluster {}",
                          options.directory, has.node.value(), has.cluster.value(),
                          options.identity.node.value(), options.identity.cluster.value()));
}

}  // namespace

result<recovered_log> recover_log(open_database& from, const log_options& options) {
  auto owner = owner_of(from, options);
  if (!owner) return std::unexpected(owner.error());
  recovered_log log{*std::move(owner), {}, {}};
  if (auto ok = replay(from, log).run(); !ok) return std::unexpected(ok.error());
  return log;
}

database_log::database_log(const log_options& options, std::unique_ptr<wal::directory_lock> lock,
                           std::unique_ptr<open_database> database, recovered_log recovered)
    : lock_(std::move(lock)),
      database_(std::move(database)),
      owner_(std::move(recovered.owner)),
      kept_free_(write_buffers * options.write_buffer_bytes),
      groups_(std::move(recovered.groups)),
      images_(std::move(recovered.images)) {}

result<std::unique_ptr<database_log>> database_log::open(const log_options& options,
                                                         wal::file_system& files) {
  if (auto ok = check_options(options); !ok) return std::unexpected(ok.error());
  const auto& directory = options.directory;
  if (auto ok = files.create_directory(directory); !ok) return std::unexpected(ok.error());
  auto ok = wal::refuse_other_engine(files, directory, wal::engine_kind::rocksdb);
  if (!ok) return std::unexpected(ok.error());
  auto lock = files.lock(directory + "/lock");
  if (!lock) return std::unexpected(lock.error());
  const auto folder = directory + "/" + std::string(wal::database_folder);
  ok = files.create_directory(folder);
  if (ok) ok = refuse_remains(files, folder);
  if (!ok) return std::unexpected(ok.error());
  auto database = open_database::open({folder, options.write_buffer_bytes, options.environment});
  if (!database) return std::unexpected(database.error());
  auto recovered = recover_log(**database, options);
  if (!recovered) return std::unexpected(recovered.error());
  auto peers = wal::peer_file::open(files, directory, recovered->owner.identity);
  if (!peers) return std::unexpected(peers.error());
  auto snapshots = wal::snapshot_store::open(files, directory);
  if (!snapshots) return std::unexpected(snapshots.error());
  std::unique_ptr<database_log> log(
      new database_log(options, *std::move(lock), *std::move(database), *std::move(recovered)));
  log->peers_ = *std::move(peers);
  log->snapshots_ = *std::move(snapshots);
  if (ok = log->check_images(); !ok) return std::unexpected(ok.error());
  return log;
}

/// The image that the database tells of is there, or a newer one that it was not told of yet.
result<void> database_log::check_images() const {
  const auto age_of = [](const core::snapshot_id& id) {
    return std::tuple(id.last_included_index, id.last_included_term);
  };
  for (const auto& [group, told] : images_) {
    const auto newest = snapshots_->newest(group);
    if (newest && age_of(newest->id) >= age_of(told)) continue;
    return database_->damaged(
        family::snapshots,
        fmt::format("the image of group {} at index {}, term {} is not beside the database: put "
                    "its .image file back",
                    group.value(), told.last_included_index.value(),
                    told.last_included_term.value()));
  }
  return {};
}

}  // namespace mainstay::database
