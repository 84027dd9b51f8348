/// The turns of a replica: gather what arrived, step the core, carry out what it wants. Included by
/// replica.hpp only.
#pragma once

#include <array>

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

/// Commands and reads taken from callers in one turn; peers are heard again before the next.
inline constexpr std::size_t max_taken_per_turn = 4096;

template <raft_types Types>
void replica<Types>::start_on_loop() {
  owner_.attach(options_.group, [self = this->shared_from_this()](node_id from, rpc_request request,
                                                                  responder respond) {
    self->on_request(from, std::move(request), std::move(respond));
  });
  follow_members();
  leadership_ = {core_.role(), core_.current_term(), core_.leader()};
  cover(core_.last_applied());
  reported_members_ = core_.configuration_index();
  log_.log(log_level::info, "node", "started",
           {{"node", options_.id.value()},
            {"term", core_.current_term().value()},
            {"last_index", core_.last_index().value()}});
  turn();
}

template <raft_types Types>
void replica<Types>::schedule_turn() {
  if (std::exchange(turn_scheduled_, true)) return;
  // Behind everything that has arrived already: under load a turn is a batch.
  post_to_loop([](replica& r) { r.turn(); });
}

template <raft_types Types>
void replica<Types>::turn() {
  turn_scheduled_ = false;
  if (is_stopped()) return;
  advance();
  check_stall();
  expire();
  hand_over_for_priority();
  look_at_transfer();
  release_fenced();
  take_submissions();
  propose_due_time();
  ask_reads();
  send_forwards();
  if (is_stopped()) return;
  follow_members();  // before anything is sent to who has just come
  carry_out(core_.take_ready());
  // Should a later term begin before the next turn, what comes in between waits for its leader.
  if (core_.is_fenced()) held_until_ = parts_.runtime.now() + options_.core.election_timeout_max;
  if (is_stopped()) return;
  changes_.look(members(), parts_.runtime.now());
  publish_members();
  report_health();
  if (is_stopped()) return;
  if (!work_.backlog.empty() || (!work_.fenced.empty() && !holds_writes())) schedule_turn();
  arm_timer();
}

template <raft_types Types>
void replica<Types>::expire() {
  const std::size_t late = work_.expire(parts_.runtime.now());
  if (late == 0) return;
  parts_.metrics.add_count({"mainstay_deadlines_passed_total", {}}, late);
  log_.log(log_level::warning, "node", "deadlines passed before commands or reads were answered",
           {{"node", options_.id.value()},
            {"count", std::uint64_t{late}},
            {"role", std::string_view(core::name_of(core_.role()))},
            {"leader", core_.leader().value()}});
}

template <raft_types Types>
void replica<Types>::take_submissions() {
  for (auto& op : submissions_.take_all()) {
    work_.watch(op->deadline());
    work_.backlog.push_back(std::move(op));
  }
  const instant now = parts_.runtime.now();
  std::size_t taken = 0;
  while (!work_.backlog.empty() && taken < max_taken_per_turn) {
    auto op = std::move(work_.backlog.front());
    work_.backlog.pop_front();
    taken += std::max<std::size_t>(op->count(), 1);  // an empty batch is work, too
    if (op->is_done()) continue;
    if (op->deadline() <= now) {
      end_late(*op, true);
    } else {
      accept(std::move(op));
    }
  }
}

template <raft_types Types>
void replica<Types>::arm_timer() {
  instant next =
      std::min({core_.next_deadline(), work_.next_look(), retry_at_, time_due(parts_.runtime.now()),
                changes_.next_deadline(), transfer_due()});
  if (append_started_ != instant::max() && core_.role() == core::role::leader) {
    next = std::min(next, append_started_ + options_.core.election_timeout_max);
  }
  if (next == instant::max()) return timer_->disarm();
  timer_->arm(next, [weak = this->weak_from_this()] {
    if (auto self = weak.lock()) self->turn();
  });
}

template <raft_types Types>
void replica<Types>::carry_out(core::ready work) {
  // The disk first: it is the slowest, and works while the rest is sent and applied.
  if (!work.persist.empty()) append(std::move(work.persist));
  for (auto& e : work.messages) send(std::move(e));
  if (work.changed) on_leadership(*work.changed);
  if (is_stopped()) return;
  if (work.transfer) on_transfer(*work.transfer);
  look_at_transfer();
  go_on_making_way();
  if (is_stopped()) return;
  on_reads(work);
  if (is_stopped()) return;
  for (const auto& request : work.log_reads) read_log(request);
  carry_out_images(work);
  if (is_stopped()) return;
  if (!work.committed.empty()) apply(std::move(work.committed));
}

template <raft_types Types>
void replica<Types>::on_leadership(const core::leadership& now) {
  const core::leadership before = std::exchange(leadership_, now);
  const bool lost = before.role == core::role::leader &&
                    (now.role != core::role::leader || now.term != before.term);
  if (lost) {
    work_.writes.leadership_lost(
        core_.commit_index(), {error_code::leadership_lost,
                               "the leader stepped down; the command may yet commit", now.leader});
    if (is_stopped()) return;
  }
  const bool elected = now.role == core::role::leader;
  if (elected) prefers_from_ = parts_.runtime.now() + options_.own_transfer_interval;
  const auto level =
      now.role == before.role && now.leader == before.leader ? log_level::debug : log_level::info;
  log_.log(level, "node", elected ? "became leader" : "role or term changed",
           {{"node", options_.id.value()},
            {"role", std::string_view(core::name_of(now.role))},
            {"was", std::string_view(core::name_of(before.role))},
            {"term", now.term.value()},
            {"leader", now.leader.value()}});
  const std::array labels{metric_label{"role", core::name_of(now.role)}};
  parts_.metrics.add_one({"mainstay_role_changes_total", labels});
  parts_.metrics.set_gauge({"mainstay_term", {}}, static_cast<double>(now.term.value()));
  events_.publish(leadership_changed{now});
  if (listener_.leadership_changed) listener_.leadership_changed(now);
}

template <raft_types Types>
void replica<Types>::publish_members() {
  const log_index index = core_.configuration_index();
  if (std::exchange(reported_members_, index) == index) return;
  events_.publish(members_changed{index, core_.configuration()});
}

template <raft_types Types>
void replica<Types>::report_health() {
  const node_health now = health_.worst();
  if (std::exchange(reported_health_, now) == now) return;
  events_.publish(health_changed{now, health_.problem()});
}

template <raft_types Types>
void replica<Types>::stop_on_loop(const error& why) {
  if (is_stopped()) return;
  health_.set(node_health::stopped, why.message);
  report_health();
  close(why, {error_code::leadership_lost, why.message + "; the command may yet commit", {}});
  log_.log(log_level::info, "node", "stopped", {{"node", options_.id.value()}});
}

/// Lost durability, or a damaged log: this node must not go on (rule 2 of the architecture).
template <raft_types Types>
void replica<Types>::fail_stop(const error& why) {
  if (is_stopped()) return;
  health_.set(node_health::stopped, why.message);
  report_health();
  log_.log(log_level::critical, "node", "stopped by a failure",
           {{"node", options_.id.value()},
            {"error", name_of(why.code)},
            {"reason", std::string_view(why.message)}});
  close({error_code::shutting_down, "the node stopped: " + why.message, {}},
        {error_code::leadership_lost, "the node stopped: " + why.message, {}});
  if (listener_.stopped) listener_.stopped(why);
}

template <raft_types Types>
void replica<Types>::close(const error& refused, const error& unknown) {
  timer_.reset();
  is_closing_ = true;
  owner_.detach(options_.group);
  unanswered_.clear();
  held_ = {};
  to_apply_.clear();
  for (auto& op : submissions_.close()) op->fail_rest(refused);
  for (auto& op : std::exchange(reads_now_, {})) op->fail_rest(refused);
  for (auto& op : std::exchange(lease_reads_now_, {})) op->fail_rest(refused);
  for (auto& op : std::exchange(forwards_now_, {})) op->fail_rest(refused);
  changes_.fail_all(unknown);
  work_.fail_all(refused, unknown);
  for (auto& done : std::exchange(snapshot_waiters_, {})) done(std::unexpected(refused));
  end_transfer(std::unexpected(unknown));
  end_making_way(std::unexpected(unknown));
}

template <raft_types Types>
node_status replica<Types>::status() const {
  node_status s{.id = options_.id,
                .role = core_.role(),
                .term = core_.current_term(),
                .leader = core_.leader(),
                .commit_index = core_.commit_index(),
                .applied_index = core_.last_applied(),
                .last_index = core_.last_index(),
                .stable_index = core_.stable_index(),
                .is_installing = core_.is_installing(),
                .health = health_.worst(),
                .problem = health_.problem(),
                .members = {},
                .configuration = core_.configuration(),
                .configuration_index = core_.configuration_index(),
                .is_changing = core_.is_changing()};
  if (const auto& snapshot = core_.snapshot()) {
    s.snapshot_index = snapshot->id.last_included_index;
    s.snapshot_bytes = snapshot->id.size;
  }
  for (const auto& m : core_.configuration().members()) {
    member_status one{.member = m, .is_voter = core_.configuration().is_voter(m.id)};
    if (m.id == options_.id) one.match_index = core_.stable_index();
    s.members.push_back(std::move(one));
  }
  for (const auto& p : core_.peers()) {
    for (auto& one : s.members) {
      if (one.member.id != p.id) continue;
      one.match_index = p.match_index;
      one.state = p.state;
      one.silence = p.silence;
      one.snapshot_sent = p.snapshot_sent;
      one.snapshot_size = p.snapshot_size;
    }
  }
  return s;
}

}  // namespace mainstay::detail
