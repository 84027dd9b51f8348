/// One visitor prints while the directory is read; nothing is kept but the summary.
#include "cli/logdump_command.hpp"

#include <map>
#include <ostream>

#include <fmt/format.h>

#include "mainstay/storage/wal/inspect.hpp"

namespace mainstay::cli {

namespace {

using json = nlohmann::ordered_json;
using wal::inspected_item;
using wal::item_kind;
using wal::record_type;

/// What was seen of one group.
struct group_summary {
  std::uint64_t entries = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t first_index = 0;
  std::uint64_t last_index = 0;
  std::uint64_t last_term = 0;
  std::uint64_t current_term = 0;
  std::uint64_t voted_for = 0;
  std::uint64_t base_index = 0;
};

std::string_view kind_of_entry(std::uint8_t kind) {
  switch (kind) {
    case 0:
      return "command";
    case 1:
      return "no-op";
    case 2:
      return "configuration";
    case 3:
      return "session";
    default:
      return "unknown kind";
  }
}

/// A record's fields in words; which of them mean something depends on its type.
std::string describe(const wal::record_header& r) {
  const auto name = wal::name_of(r.type);
  const auto group = r.group.value();
  switch (r.type) {
    case record_type::entry:
      return fmt::format("{:<11} group {} index {} term {} {} of {} bytes, time {}", name, group,
                         r.index, r.term, kind_of_entry(r.kind), r.payload_size, r.time);
    case record_type::hard_state:
      return fmt::format("{:<11} group {} term {} voted for {}", name, group, r.term,
                         r.index == 0 ? "none" : std::to_string(r.index));
    case record_type::truncate:
      return fmt::format("{:<11} group {} from index {}", name, group, r.index);
    case record_type::base:
    case record_type::reset:
    case record_type::group_state:
      return fmt::format("{:<11} group {} index {} term {}", name, group, r.index, r.term);
    case record_type::bootstrap:
      return fmt::format("{:<11} {} bytes", name, r.payload_size);
  }
  return fmt::format("{:<11}", name);
}

json to_json(const wal::record_header& r) {
  json object{{"type", wal::name_of(r.type)},
              {"group", r.group.value()},
              {"index", r.index},
              {"term", r.term}};
  if (r.type != record_type::entry) return object;
  object["kind"] = kind_of_entry(r.kind);
  object["payload_bytes"] = r.payload_size;
  object["time_us"] = r.time;
  return object;
}

/// Prints items as they come, and counts.
class dump {
 public:
  dump(const logdump_options& options, const output& to) : options_(options), to_(to) {}

  bool visit(const inspected_item& item) {
    if (item.kind == item_kind::segment) ++segments_;
    if (item.kind == item_kind::record && !item.damaged) count(item.record);
    if (item.damaged) ++damaged_;
    if (is_wanted(item)) to_.json ? show_json(item) : show(item);
    return true;
  }

  bool found_any() const { return segments_ > 0; }

  exit_code finish() {
    if (to_.json) {
      for (const auto& [id, g] : groups_) {
        print_json(to_, {{"group", id},
                         {"entries", g.entries},
                         {"payload_bytes", g.payload_bytes},
                         {"first_index", g.first_index},
                         {"last_index", g.last_index},
                         {"last_term", g.last_term},
                         {"current_term", g.current_term},
                         {"voted_for", g.voted_for},
                         {"base_index", g.base_index}});
      }
      print_json(to_, {{"segments", segments_}, {"damaged", damaged_}});
    } else {
      for (const auto& [id, g] : groups_) show_group(id, g);
      to_.out << fmt::format("{} segments, {} damaged places\n", segments_, damaged_);
    }
    return damaged_ > 0 ? exit_code::damaged : exit_code::done;
  }

 private:
  bool is_wanted(const inspected_item& item) const {
    if (item.damaged) return true;
    if (options_.summary) return false;
    if (item.kind == item_kind::batch) return options_.batches;
    if (item.kind != item_kind::record) return true;
    const auto& r = item.record;
    if (options_.group != 0 && r.group.value() != options_.group) return false;
    if (r.type != record_type::entry) return true;
    return r.index >= options_.first_index && r.index <= options_.last_index;
  }

  void count(const wal::record_header& r) {
    if (r.type == record_type::bootstrap) return;
    auto& g = groups_[r.group.value()];
    switch (r.type) {
      case record_type::entry:
        if (g.entries++ == 0) g.first_index = r.index;
        g.payload_bytes += r.payload_size;
        g.last_index = r.index;
        g.last_term = r.term;
        break;
      case record_type::hard_state:
        g.current_term = r.term;
        g.voted_for = r.index;
        break;
      case record_type::truncate:
        g.last_index = r.index - 1;
        break;
      case record_type::base:
        g.base_index = r.index;
        break;
      case record_type::reset:
        g.base_index = g.last_index = r.index;
        g.last_term = r.term;
        break;
      default:
        break;
    }
  }

  void show(const inspected_item& item) {
    if (item.kind == item_kind::segment) to_.out << item.file << '\n';
    to_.out << fmt::format("  {:>10}  ", item.offset);
    if (item.damaged) {
      to_.out << fmt::format("DAMAGED: {}\n", item.note);
      return;
    }
    switch (item.kind) {
      case item_kind::segment:
        to_.out << fmt::format(
            "segment {} of {} bytes: cluster {}, node {}, incarnation {:x}\n",
            item.segment.sequence, item.segment.size, item.segment.identity.cluster.value(),
            item.segment.identity.node.value(), item.segment.identity.incarnation.value());
        break;
      case item_kind::batch:
        to_.out << fmt::format("batch       {} records, {} bytes; flushed before: {}:{}\n",
                               item.batch.count, item.batch.length, item.batch.flushed.sequence,
                               item.batch.flushed.offset);
        break;
      case item_kind::record:
        to_.out << describe(item.record) << '\n';
        break;
      case item_kind::end:
        to_.out << "end of what was written\n";
        break;
    }
  }

  void show_json(const inspected_item& item) {
    json object{{"file", item.file}, {"offset", item.offset}};
    if (item.damaged) {
      object["damaged"] = item.note;
    } else if (item.kind == item_kind::segment) {
      object["segment"] = item.segment.sequence;
      object["bytes"] = item.segment.size;
      object["cluster"] = item.segment.identity.cluster.value();
      object["node"] = item.segment.identity.node.value();
      object["incarnation"] = item.segment.identity.incarnation.value();
    } else if (item.kind == item_kind::batch) {
      object["batch"] = {{"records", item.batch.count}, {"bytes", item.batch.length}};
    } else if (item.kind == item_kind::record) {
      object["record"] = to_json(item.record);
    } else {
      object["end"] = true;
    }
    print_json(to_, object);
  }

  void show_group(std::uint64_t id, const group_summary& g) {
    to_.out << fmt::format("group {}: {} entries of {} bytes, indexes {} to {}, last of term {}\n",
                           id, g.entries, g.payload_bytes, g.first_index, g.last_index,
                           g.last_term);
    if (g.base_index > 0) to_.out << fmt::format("  compacted up to index {}\n", g.base_index);
    if (g.current_term == 0) return;
    to_.out << fmt::format("  last hard state: term {}, voted for {}\n", g.current_term,
                           g.voted_for == 0 ? "none" : std::to_string(g.voted_for));
  }

  const logdump_options& options_;
  const output& to_;
  std::map<std::uint64_t, group_summary> groups_;
  std::uint64_t segments_ = 0;
  std::uint64_t damaged_ = 0;
};

}  // namespace

exit_code run_logdump(const logdump_options& options, wal::file_system& files, const output& to) {
  dump printed(options, to);
  const auto done = wal::inspect(files, options.directory,
                                 [&](const inspected_item& item) { return printed.visit(item); });
  if (!done) {
    to.err << "mainstayctl: " << done.error().message << '\n';
    return exit_code::io_failed;
  }
  if (!printed.found_any()) {
    to.err << "mainstayctl: " << options.directory << ": there is no log in this directory\n";
    return exit_code::io_failed;
  }
  return printed.finish();
}

}  // namespace mainstay::cli
