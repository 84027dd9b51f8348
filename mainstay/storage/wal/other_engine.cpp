#include "mainstay/storage/wal/other_engine.hpp"

#include <fmt/format.h>

#include "mainstay/storage/wal/format.hpp"

namespace mainstay::wal {

namespace {

bool is_of(engine_kind engine, std::string_view name) {
  if (engine == engine_kind::rocksdb) return name == database_folder;
  return sequence_in(name).has_value();
}

}  // namespace

std::string_view name_of(engine_kind engine) {
  switch (engine) {
    case engine_kind::wal:
      return "wal";
    case engine_kind::rocksdb:
      return "rocksdb";
    case engine_kind::memory:
      return "memory";
  }
  return {};
}

result<void> refuse_other_engine(file_system& files, const std::string& directory,
                                 engine_kind ours) {
  const auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  for (const auto other : {engine_kind::wal, engine_kind::rocksdb}) {
    if (other == ours) continue;
    for (const auto& name : *names) {
      if (!is_of(other, name)) continue;
      return fail(error_code::wrong_identity,
                  fmt::format("{}: {} is of the persistence engine \"{}\", not of \"{}\": a log "
                              "stays with the engine that wrote it",
                              directory, name, name_of(other), name_of(ours)));
    }
  }
  return {};
}

}  // namespace mainstay::wal
