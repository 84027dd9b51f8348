#include "cli/image_commands.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mainstay/base/random.hpp"
#include "mainstay/storage/wal/image_restore.hpp"
#include "mainstay/storage/wal/snapshot_store.hpp"

#include "cli/offline.hpp"

namespace mainstay::cli {

namespace {

using json = nlohmann::ordered_json;

exit_code print_error(const output& to, const error& why) {
  to.err << "mainstayctl: " << why.message << '\n';
  return code_of(why);
}

void show(const output& to, const std::string& path, const wal::inspected_image& image) {
  const auto& s = image.snapshot;
  if (to.json) {
    print_json(to, {{"file", path},
                    {"group", image.group.value()},
                    {"last_included_index", s.id.last_included_index.value()},
                    {"last_included_term", s.id.last_included_term.value()},
                    {"time_us", s.time.microseconds},
                    {"bytes", s.id.size},
                    {"state_bytes", image.state_size},
                    {"chunks", image.chunks},
                    {"digest", fmt::format("{:016x}", s.id.digest)},
                    {"voters", in_words(s.configuration.voters)},
                    {"outgoing_voters", in_words(s.configuration.outgoing_voters)},
                    {"learners", in_words(s.configuration.learners)}});
    return;
  }
  to.out << fmt::format("{}\n  group {}, after entry {} of term {}, time {}\n", path,
                        image.group.value(), s.id.last_included_index.value(),
                        s.id.last_included_term.value(), s.time.microseconds);
  to.out << fmt::format("  {} bytes of state in {} chunks, {} bytes in all, digest {:016x}\n",
                        image.state_size, image.chunks, s.id.size, s.id.digest);
  to.out << fmt::format("  voters {}", fmt::join(in_words(s.configuration.voters), ", "));
  if (s.configuration.is_joint()) {
    to.out << fmt::format("; outgoing {}",
                          fmt::join(in_words(s.configuration.outgoing_voters), ", "));
  }
  if (!s.configuration.learners.empty()) {
    to.out << fmt::format("; learners {}", fmt::join(in_words(s.configuration.learners), ", "));
  }
  to.out << '\n';
}

/// The paths of the images in a directory; none when the path is not one.
std::optional<std::vector<std::string>> images_in(wal::file_system& files,
                                                  const std::string& path) {
  auto names = files.list(path);
  if (!names) return {};
  std::vector<std::string> paths;
  for (const auto& name : *names) {
    const auto parsed = wal::image_name_of(name);
    if (!parsed || parsed->what != wal::image_name::kind::whole) continue;
    paths.push_back(fmt::format("{}/{}", path, name));
  }
  std::ranges::sort(paths);
  return paths;
}

std::unexpected<error> refuse(std::string why) {
  return fail(error_code::invalid_argument, std::move(why));
}

result<core::configuration> configuration_of(const snapshot_restore_options& options) {
  core::configuration made;
  for (const std::string_view text : options.members) {
    const auto equals = text.find('=');
    std::uint64_t id = 0;
    const auto number = text.substr(0, equals);
    const auto [end, status] = std::from_chars(number.begin(), number.end(), id);
    const bool is_number = status == std::errc{} && end == number.end() && id != 0;
    if (equals == std::string_view::npos || !is_number || equals + 1 == text.size()) {
      return refuse(fmt::format("--cluster: \"{}\" is not ID=HOST:PORT", text));
    }
    made.voters.push_back({node_id(id), std::string(text.substr(equals + 1))});
  }
  std::ranges::sort(made.voters, {}, &core::member::id);
  if (auto ok = core::check(made); !ok) return std::unexpected(ok.error());
  if (!made.is_voter(node_id(options.node))) {
    return refuse(fmt::format("--id: node {} is not in --cluster", options.node));
  }
  return made;
}

/// What is to be called next, with everything that was drawn: the id of a new cluster has to be the
/// same everywhere, and is written down nowhere else.
struct next_commands {
  std::vector<std::string> restore;  // of the other nodes
  std::string start;                 // of this one
};

next_commands next_of(const snapshot_restore_options& options, cluster_id cluster) {
  const auto common = [&](std::uint64_t node) {
    return fmt::format("--data {} --id {} --cluster {} --cluster-id {}", options.directory, node,
                       fmt::join(options.members, ","), cluster.value());
  };
  next_commands next;
  for (const std::string_view text : options.members) {
    const auto node = std::strtoull(text.data(), nullptr, 10);
    if (node == options.node) continue;
    next.restore.push_back(
        fmt::format("mainstayctl snapshot restore {} {}", options.image, common(node)));
  }
  next.start = fmt::format("mainstayd {}", common(options.node));
  return next;
}

}  // namespace

exit_code run_snapshot_inspect(const snapshot_inspect_options& options, wal::file_system& files,
                               const output& to) {
  const auto found = images_in(files, options.path);
  if (found && found->empty()) {
    to.err << "mainstayctl: " << options.path << ": there is no image in this directory\n";
    return exit_code::not_found;
  }
  auto worst = exit_code::done;
  for (const auto& path : found.value_or(std::vector{options.path})) {
    const auto image = wal::inspect_image(files, path);
    if (image) {
      show(to, path, *image);
      continue;
    }
    const auto code = print_error(to, image.error());
    if (worst != exit_code::damaged) worst = code;
  }
  return worst;
}

exit_code run_snapshot_restore(const snapshot_restore_options& options, wal::file_system& files,
                               const output& to) {
  auto members = configuration_of(options);
  if (!members) return print_error(to, members.error());
  random_generator random(options.seed);
  const incarnation disk(draw_id(random));
  const cluster_id cluster(options.cluster != 0 ? options.cluster : draw_id(random));
  const auto made = wal::restore_image(files, {.image = options.image,
                                               .directory = options.directory,
                                               .identity = {cluster, node_id(options.node), disk},
                                               .configuration = *std::move(members)});
  if (!made) return print_error(to, made.error());
  const auto& id = made->id;
  const auto next = next_of(options, cluster);
  if (to.json) {
    print_json(to, {{"directory", options.directory},
                    {"cluster", cluster.value()},
                    {"node", options.node},
                    {"last_included_index", id.last_included_index.value()},
                    {"last_included_term", id.last_included_term.value()},
                    {"digest", fmt::format("{:016x}", id.digest)},
                    {"restore_others", next.restore},
                    {"start", next.start}});
    return exit_code::done;
  }
  to.out << fmt::format(
      "{}: node {} of the new cluster {}, with the state after entry {} of term {}\n",
      options.directory, options.node, cluster.value(), id.last_included_index.value(),
      id.last_included_term.value());
  if (!next.restore.empty()) {
    to.out << "next, on each of the other machines, with a copy of the same image:\n";
    for (const auto& command : next.restore) to.out << "  " << command << '\n';
  }
  to.out << "then start every node, always with this --cluster-id and its own --id:\n"
         << "  " << next.start << '\n';
  return exit_code::done;
}

}  // namespace mainstay::cli
