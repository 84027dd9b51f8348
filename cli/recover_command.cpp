#include "cli/recover_command.hpp"

#include <ostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mainstay/base/random.hpp"
#include "mainstay/storage/wal/forced_cluster.hpp"

#include "cli/offline.hpp"

namespace mainstay::cli {

namespace {

constexpr group_id group{1};

exit_code print_error(const output& to, const error& why) {
  if (to.json) {
    print_json(to, {{"error", name_of(why.code)}, {"message", why.message}});
  } else {
    to.err << "mainstayctl: " << why.message << '\n';
  }
  return code_of(why);
}

void print_found(const output& to, const recover_options& options, const wal::survivor& found) {
  to.out << fmt::format("{}: node {} of cluster {}, up to entry {} of term {}\n", options.directory,
                        found.identity.node.value(), found.identity.cluster.value(),
                        found.last_index.value(), found.last_term.value());
  to.out << fmt::format("  members by its log: {}\n",
                        fmt::join(in_words(found.configuration.members()), ", "));
}

void print_look(const output& to, const recover_options& options, const wal::survivor& found) {
  print_found(to, options, found);
  to.out
      << "nothing was changed. Recover the survivor with the highest last term, and of those the "
         "one with the highest entry, with --force-new-cluster; read the operations page first\n";
}

void print_recovered(const output& to, const recover_options& options, const wal::survivor& found,
                     std::uint64_t cluster) {
  print_found(to, options, found);
  const auto node = found.identity.node.value();
  to.out << fmt::format(
      "it is now the only member of the NEW cluster {0}. What the lost members had acknowledged "
      "and "
      "this node did not hold is gone. What was here is kept in {1}\n"
      "start it with --id {2} --data {3} --cluster {2}={4} --cluster-id {0}\n"
      "never start another node of the old cluster again: empty its directory, and let it --join\n",
      cluster, wal::kept_directory(options.directory), node, options.directory,
      wal::address_of(found, options.address));
}

nlohmann::ordered_json to_json(const recover_options& options, const wal::survivor& found) {
  return {{"directory", options.directory},
          {"node", found.identity.node.value()},
          {"old_cluster", found.identity.cluster.value()},
          {"term", found.hard_state.current_term.value()},
          {"last_index", found.last_index.value()},
          {"last_term", found.last_term.value()},
          {"members", in_words(found.configuration.members())}};
}

}  // namespace

exit_code run_recover(const recover_options& options, wal::file_system& files, const output& to) {
  if (!options.force) {
    const auto found = wal::inspect_survivor(files, options.directory, group);
    if (!found) return print_error(to, found.error());
    if (to.json) {
      print_json(to, to_json(options, *found));
    } else {
      print_look(to, options, *found);
    }
    return exit_code::done;
  }
  random_generator random(options.seed);
  const incarnation disk(draw_id(random));
  const std::uint64_t cluster = options.cluster != 0 ? options.cluster : draw_id(random);
  const auto found = wal::force_new_cluster(files, {.directory = options.directory,
                                                    .group = group,
                                                    .cluster = cluster_id(cluster),
                                                    .disk = disk,
                                                    .address = options.address});
  if (!found) return print_error(to, found.error());
  if (to.json) {
    auto object = to_json(options, *found);
    object["cluster"] = cluster;
    object["address"] = wal::address_of(*found, options.address);
    object["kept"] = wal::kept_directory(options.directory);
    print_json(to, object);
  } else {
    print_recovered(to, options, *found, cluster);
  }
  return exit_code::done;
}

}  // namespace mainstay::cli
