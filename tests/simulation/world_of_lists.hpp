/// A state machine for simulated clusters, and the few steps that their tests share.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/simulation/simulated_cluster.hpp"

namespace mainstay::simulation {

using namespace std::chrono_literals;

/// Keeps what it is told, and says how much that is.
struct list_keeper {
  std::vector<std::string> items;

  result<shared_bytes> apply(const applied_command& command) {
    items.emplace_back(command.payload.text());
    return shared_bytes::copy_of(std::to_string(items.size()));
  }
  result<shared_bytes> query(const shared_bytes&) {
    return shared_bytes::copy_of(std::to_string(items.size()));
  }
  result<void> save(const snapshot_writer& write) {
    std::string all;
    for (const auto& item : items) all += item + '\n';
    return write(std::as_bytes(std::span(all)));
  }
  result<void> restore(const snapshot_reader& read) {
    std::string all;
    std::array<char, 512> room{};
    for (;;) {
      const auto length = read(std::as_writable_bytes(std::span(room)));
      if (!length) return std::unexpected(length.error());
      if (*length == 0) break;
      all.append(room.data(), *length);
    }
    items.clear();
    std::istringstream lines(all);
    for (std::string item; std::getline(lines, item);) items.push_back(item);
    return {};
  }
};

using list_cluster = simulated_cluster<list_keeper>;

/// What came of one command or read.
struct answer {
  int times = 0;
  std::optional<command_outcome> value;

  bool is_there() const { return value.has_value(); }
  bool succeeded() const { return value && value->has_value(); }
  std::optional<error_code> code() const {
    return value && !*value ? std::optional(value->error().code) : std::nullopt;
  }
};
using answer_handle = std::shared_ptr<answer>;

inline outcome_handler into(const answer_handle& a) {
  return [a](command_outcome o) {
    ++a->times;
    a->value = std::move(o);
  };
}

inline answer_handle submit(list_cluster& cluster, node_id through, std::string_view text,
                            const call_settings& how = {}) {
  auto a = std::make_shared<answer>();
  cluster.submit(through, shared_bytes::copy_of(text), into(a), how);
  return a;
}

/// Runs until a node leads, other than `other_than`; the test fails when none does within a minute.
inline node_id await_leader(list_cluster& cluster, node_id other_than = {}) {
  const auto leads = [&] { return cluster.leader() && cluster.leader() != other_than; };
  EXPECT_TRUE(cluster.run_until(leads, 60s)) << "nobody leads";
  return cluster.leader();
}

/// Submits through the leader and runs until the command is done.
inline void write(list_cluster& cluster, std::string_view text) {
  const auto a = submit(cluster, await_leader(cluster), text);
  EXPECT_TRUE(cluster.run_until([&] { return a->is_there(); }, 60s));
  EXPECT_TRUE(a->succeeded());
}

}  // namespace mainstay::simulation
