/// Runs a protocol story written in words. A line "> command" is carried out on a `cluster`, and
/// what it brings about is recorded in the lines below it; README.md in tests/scenarios lists the
/// commands.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/core/cluster.hpp"

namespace mainstay::core_test {

/// The words of a command, and its key=value pairs.
struct scenario_command {
  std::string name;
  std::vector<std::string> words;
  std::map<std::string, std::string> options;

  /// The word at a position as a number. Throws when it is missing.
  std::uint64_t number(std::size_t position) const;
  std::uint64_t number(const std::string& option, std::uint64_t usual) const;
  std::string text(const std::string& option, const std::string& usual = {}) const;
  bool flag(const std::string& option, bool usual) const;
};

/// One story under way.
class scenario {
 public:
  scenario();

  /// The whole text with each command's outcome below it, as it happens now.
  std::string play(const std::string& text);

 private:
  using handler = std::function<void(const scenario_command&)>;

  static scenario_command parse(std::string_view line);
  std::string run(const std::string& line);
  void add_setup_commands();
  void add_time_commands();
  void add_client_commands();
  void add_network_commands();
  void add_message_commands();
  void add_fault_commands();
  void add_disk_commands();
  void add_views();
  void make_cluster(const scenario_command& c);
  void fill_disk(const scenario_command& c);
  void change_members(const scenario_command& c);
  void partition(const scenario_command& c);
  std::vector<core::envelope> take(const scenario_command& c);
  void watch(std::uint64_t node, const core::ready& ready);
  void show_persist(std::uint64_t node, const core::persist_batch& batch);
  void show_log(std::uint64_t node);
  void show_peers(std::uint64_t node);
  void say(std::string line) { output_ += std::move(line) + "\n"; }
  cluster& nodes();

  std::map<std::string, handler> handlers_;
  std::unique_ptr<cluster> cluster_;
  std::map<std::string, std::vector<core::envelope>> kept_;
  std::map<std::uint64_t, log_index> commits_;
  bool trace_messages_ = false;
  bool trace_disk_ = false;
  std::string output_;
};

/// The message that an "inject" command spells out.
core::message message_from(const std::string& kind, const scenario_command& c);

}  // namespace mainstay::core_test
