/// For tests of the naive twin: a core that it follows, and ways to spoil one thing of a sound step
/// and to see which rule that breaks.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/simulation/observed_core.hpp"
#include "mainstay/simulation/twin.hpp"

#include "tests/core/lone_replica.hpp"

namespace mainstay::simulation_test {

using simulation::observed_core;
using simulation::twin;
namespace specification = simulation::specification;
using core_test::beginning;
using specification::appearance;
using specification::server;

/// Neither pre-vote nor check-quorum: the paper's plain elections.
inline core::config plain() { return {.pre_vote = false, .check_quorum = false}; }

/// Node 1, followed by the twin; the test plays its peers and its disk.
class followed {
 public:
  explicit followed(beginning b = {.settings = plain()})
      : twin_(b.settings, core_test::voters(b.voters)), core_(start(b), &twin_) {}

  void receive(std::uint64_t from, core::message m, std::uint64_t call = 7) {
    core_.step({node_id(from), node_id(1), call, std::move(m)});
  }
  void pass(duration span) { core_.advance(core_.core().now() + span); }
  void time_out() { core_.advance(core_.next_deadline()); }
  /// Takes a ready; its batch stays in flight.
  core::ready turn() {
    core::ready out = core_.take_ready();
    if (!out.persist.empty()) sequence_ = out.persist.sequence;
    return out;
  }
  void persist() { core_.persisted(sequence_); }
  void settle() {
    turn();
    persist();
    turn();
  }
  void propose(std::string_view payload) {
    const std::array commands{shared_bytes::copy_of(payload)};
    ASSERT_TRUE(core_.propose(commands, log_time{}).has_value());
  }
  /// Leads in the next term, without pre-vote, by the vote of node 2; the no-op is not yet on disk.
  void lead() {
    time_out();
    settle();
    receive(2, core::request_vote_response{core_.current_term(), true, false});
    ASSERT_EQ(core_.role(), core::role::leader);
  }

  observed_core& core() { return core_; }
  twin& observer() { return twin_; }
  /// The specification's state, to go on with by hand.
  server state() const { return *twin_.server(node_id(1)); }
  /// What the next ready would be.
  core::ready next_ready() const {
    core::raft copy = core_.core();
    return copy.take_ready();
  }
  /// The rule that this ready would break; "" when it is allowed.
  std::string rule_of(const core::ready& ready) const;
  /// The rule that the next ready would break if `spoil` had changed it.
  std::string rule_when(const std::function<void(core::ready&)>& spoil) const {
    core::ready ready = next_ready();
    EXPECT_EQ(rule_of(ready), "") << "the step must be sound before it is spoiled";
    spoil(ready);
    return rule_of(ready);
  }

 private:
  static core::raft start(const beginning& b) {
    core_test::simulated_disk disk;
    core::hard_state state = b.state;
    if (!b.terms.empty()) state.current_term = std::max(state.current_term, term(b.terms.back()));
    disk.preload(state);
    for (auto& e : core_test::entries_of(1, b.terms)) disk.preload(std::move(e));
    core::initial_state initial = disk.recover(1 << 20);
    initial.id = node_id(1);
    initial.bootstrap = core_test::voters(b.voters);
    return core::raft::start(core::valid_config::check(b.settings).value(), std::move(initial),
                             instant{})
        .value();
  }

  twin twin_;
  observed_core core_;
  std::uint64_t sequence_ = 0;
};

/// What a server that keeps to the specification looks like.
inline appearance truth(const server& s) {
  return {.role = s.role,
          .state = s.state,
          .leader = s.leader,
          .commit_index = s.commit_index,
          .last_applied = s.last_applied,
          .last_index = s.last_index(),
          .last_term = s.last_term(),
          .stable_index = s.durable_index,
          .configuration_index = s.configurations.back().index,
          .uncommitted_bytes = s.leading ? s.leading->uncommitted_bytes : 0,
          .now = s.now,
          .alarm = s.alarm,
          .entry_at = [&s](log_index i) -> const core::entry& { return s.entry_at(i); }};
}

inline std::string rule_broken_by(const std::function<void()>& step) {
  try {
    step();
  } catch (const specification::broken_rule& broken) {
    return broken.what();
  }
  return "";
}

inline std::string followed::rule_of(const core::ready& ready) const {
  server s = state();
  const appearance seen = truth(s);
  return rule_broken_by([&] { s.puts_out(ready, seen); });
}

/// A message from a peer, and what the server looks like after it as `spoil` has it.
inline std::string rule_after(const followed& node, std::uint64_t from, core::message m,
                              const std::function<void(appearance&)>& spoil) {
  server s = node.state();
  appearance seen = truth(s);
  spoil(seen);
  const core::envelope e{node_id(from), node_id(1), 7, std::move(m)};
  return rule_broken_by([&] { s.receives(e, seen); });
}

template <class Message>
Message& first_in(core::ready& ready) {
  for (auto& e : ready.messages) {
    if (auto* m = std::get_if<Message>(&e.message)) return *m;
  }
  throw std::logic_error("no message of the kind");
}

inline core::append_entries append(std::uint64_t of, std::uint64_t previous,
                                   std::uint64_t previous_term,
                                   const std::vector<std::uint64_t>& terms,
                                   std::uint64_t commit = 0) {
  return {.term = term(of),
          .prev_log_index = log_index(previous),
          .prev_log_term = term(previous_term),
          .leader_commit = log_index(commit),
          .entries = core_test::entries_of(previous + 1, terms)};
}

inline core::append_entries_response success(std::uint64_t of, std::uint64_t match,
                                             std::uint64_t round = 0) {
  return {.term = term(of), .success = true, .match_index = log_index(match), .round = round};
}

#define EXPECT_RULE(rule, words)                                                   \
  do {                                                                             \
    const std::string broken = rule;                                               \
    EXPECT_TRUE(broken.starts_with(words)) << "the rule was \"" << broken << "\""; \
  } while (false)

/// A follower of node 2 in term 3 whose log has the terms 1 1 2.
class TwinFollower : public testing::Test {
 protected:
  TwinFollower() {
    node.receive(2, append(3, 0, 0, {}));
    node.settle();
  }
  followed node{{.settings = plain(), .terms = {1, 1, 2}}};
};

}  // namespace mainstay::simulation_test
