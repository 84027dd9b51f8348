/// How simulated nodes start, end, are asked, and look from outside. Included by
/// simulated_cluster.hpp only.
#pragma once

#include "mainstay/simulation/simulated_cluster.hpp"

namespace mainstay::simulation {

/// A life that cannot begin leaves the disk as it found it, but for what recovery itself changes.
template <state_machine Machine>
result<void> simulated_cluster<Machine>::start(node_id id) {
  computer& here = world_.at(id);
  if (here.presence == node_presence::wiped) {
    return fail(error_code::unsupported, "the node was wiped: it must not come back");
  }
  if (life(id)) return {};
  ++here.lives;
  here.problem.reset();
  auto begun = std::make_unique<life_type>(world_, here);
  auto ok = begin_life(here, *begun);
  if (!ok) {
    world_.note_failure(id, ok.error());
    return ok;
  }
  life(id) = std::move(begun);
  here.presence = node_presence::up;
  return {};
}

/// What recovery did to the disk is done at once, and then undone as far as the power did not last.
template <state_machine Machine>
result<void> simulated_cluster<Machine>::crash_in_recovery(node_id id, std::uint32_t millionths) {
  computer& here = world_.at(id);
  if (here.presence != node_presence::down) return {};
  ++here.lives;
  auto begun = std::make_unique<life_type>(world_, here);
  auto storage = open_log(here, *begun);
  const instant ends = std::max(now(), here.disk->work_ends());
  result<void> outcome;
  if (!storage) outcome = std::unexpected(storage.error());
  storage = fail(error_code::shutting_down, "the power fails");
  begun.reset();
  here.disk = here.disk->crash(now() + (ends - now()) / 1'000'000 * millionths);
  return outcome;
}

/// A new incarnation each time.
template <state_machine Machine>
result<std::unique_ptr<simulated_log_engine>> simulated_cluster<Machine>::open_log(
    computer& here, life_type& life) {
  const auto& settings = world_.settings();
  const wal::log_options log_options{
      .directory = "log",
      .identity = {cluster_id(1), here.id, incarnation(life.runtime.random_seed() | 1)},
      .bootstrap = here.members,
      .segment_size = settings.segment_bytes,
      .max_spares = settings.recycled_segments};
  return simulated_log_engine::open(log_options, *here.disk, life.runtime);
}

/// As a program does that embeds a node, but on the loop, which here is the caller.
template <state_machine Machine>
result<void> simulated_cluster<Machine>::begin_life(computer& here, life_type& life) {
  auto storage = open_log(here, life);
  if (!storage) return std::unexpected(storage.error());
  // A node serves nobody before it has recovered, however slow its disk is.
  here.disk->complete_work();
  life.storage = std::move(*storage);
  life.owner.emplace(host_parts<types>{life.runtime, *life.storage, life.client, life.server,
                                       life.logger, life.metrics});
  node_listener listener;
  listener.manages_members = world_.settings().manages_members;
  listener.stopped = [this, id = here.id](const error& why) { world_.note_failure(id, why); };
  auto replica = node<types>::start_on_loop(*life.owner, world_.options_of(here.id), make_(here.id),
                                            std::move(listener));
  if (!replica) return std::unexpected(replica.error());
  life.replica.emplace(*std::move(replica));
  return life.owner->start_on_loop();
}

/// Without power first, so that nobody is told of what ends now.
template <state_machine Machine>
void simulated_cluster<Machine>::end_life_now(node_id id, ending how) {
  computer& here = world_.at(id);
  const bool power_fails = how == ending::power_failure || how == ending::wiped;
  if (how == ending::in_order && life(id)) {
    shut_down(*life(id));
    here.disk->complete_work();
  }
  if (power_fails) world_.network().switch_off(id);
  if (life(id)) {
    life(id).reset();
    if (power_fails) here.disk = here.disk->crash(now());
    if (how == ending::killed) here.disk = here.disk->kill(now());
  }
  here.execution.resume();
  if (here.presence != node_presence::wiped) {
    here.presence = how == ending::wiped ? node_presence::wiped : node_presence::down;
  }
}

/// Completes everything that is under way, as an orderly stop does.
template <state_machine Machine>
void simulated_cluster<Machine>::shut_down(life_type& life) {
  life.replica->stop_on_loop();
  life.owner->stop_on_loop();
  life.storage->stop();
}

/// The disk and the network go on; what they have to tell waits.
template <state_machine Machine>
void simulated_cluster<Machine>::pause(node_id id) {
  computer& here = world_.at(id);
  if (here.presence != node_presence::up) return;
  here.presence = node_presence::paused;
  here.execution.pause();
}

/// What waited comes first, in its order.
template <state_machine Machine>
void simulated_cluster<Machine>::resume(node_id id) {
  computer& here = world_.at(id);
  if (here.presence != node_presence::paused) return;
  here.presence = node_presence::up;
  here.execution.resume();
}

/// Nothing of the old one is left, not even what was on its way to it.
template <state_machine Machine>
void simulated_cluster<Machine>::replace_disk(node_id id, const core::configuration& members,
                                              log_index joined) {
  world_.events().when_over([this, id, members, joined] {
    end_life_now(id, ending::wiped);
    computer& here = world_.at(id);
    auto fresh = world_.make_disk();
    fresh->settings = here.disk->settings;
    fresh->observer = std::move(here.disk->observer);
    here.disk = std::move(fresh);
    world_.network().replace_disk(id);
    here.members = joining(members, id, joined);
    here.presence = node_presence::down;
    here.problem.reset();
  });
}

/// Completions never run inside the call.
template <state_machine Machine>
template <class Outcome>
void simulated_cluster<Machine>::refuse_later(std::move_only_function<void(Outcome)> done) {
  world_.events().soon([done = std::move(done)]() mutable {
    done(fail(error_code::unreachable, "the simulated node is down"));
  });
}

/// The deadline is on the clock of the node, as it is for a program that embeds one.
template <state_machine Machine>
void simulated_cluster<Machine>::submit(node_id through, shared_bytes command, outcome_handler done,
                                        const call_settings& how) {
  if (!running(through)) return refuse_later(std::move(done));
  auto& asked = *life(through);
  asked.replica->submit(std::move(command),
                        {.deadline = asked.runtime.now() + how.timeout,
                         .forward = how.forward,
                         .session = how.session,
                         .serial = how.serial,
                         .lowest_waiting = how.lowest_waiting},
                        detail::caller<command_outcome>(world_.events(), std::move(done)));
}

/// As `submit`.
template <state_machine Machine>
void simulated_cluster<Machine>::open_session(node_id through, session_handler done,
                                              const call_settings& how) {
  if (!running(through)) return refuse_later(std::move(done));
  auto& asked = *life(through);
  asked.replica->open_session(
      {.deadline = asked.runtime.now() + how.timeout, .forward = how.forward},
      detail::caller<result<session_id>>(world_.events(), std::move(done)));
}

/// As `submit`.
template <state_machine Machine>
void simulated_cluster<Machine>::close_session(node_id through, session_id session,
                                               outcome_handler done, const call_settings& how) {
  if (!running(through)) return refuse_later(std::move(done));
  auto& asked = *life(through);
  asked.replica->close_session(
      session, {.deadline = asked.runtime.now() + how.timeout, .forward = how.forward},
      [done = detail::caller<command_outcome>(world_.events(), std::move(done))](
          result<void> closed) mutable {
        if (closed) return done(shared_bytes{});
        done(std::unexpected(std::move(closed.error())));
      });
}

/// As `submit`.
template <state_machine Machine>
void simulated_cluster<Machine>::change_members(node_id through, membership_request request,
                                                membership_handler done, duration timeout) {
  if (!running(through)) return refuse_later(std::move(done));
  auto& asked = *life(through);
  asked.replica->change_members(
      std::move(request), asked.runtime.now() + timeout,
      detail::caller<membership_outcome>(world_.events(), std::move(done)));
}

/// As `submit`.
template <state_machine Machine>
void simulated_cluster<Machine>::transfer(node_id through, node_id to, transfer_handler done,
                                          duration timeout) {
  if (!running(through)) return refuse_later(std::move(done));
  auto& asked = *life(through);
  asked.replica->transfer(to, asked.runtime.now() + timeout,
                          detail::caller<result<node_id>>(world_.events(), std::move(done)));
}

/// As `submit`.
template <state_machine Machine>
void simulated_cluster<Machine>::query(node_id whom, shared_bytes request, outcome_handler done,
                                       const call_settings& how) {
  if (!running(whom)) return refuse_later(std::move(done));
  auto& asked = *life(whom);
  asked.replica->query(std::move(request),
                       {.deadline = asked.runtime.now() + how.timeout, .level = how.level},
                       detail::caller<command_outcome>(world_.events(), std::move(done)));
}

/// There is nothing to tell of one that could be saved.
template <state_machine Machine>
void simulated_cluster<Machine>::save_snapshot(node_id whom, outcome_handler done) {
  if (!running(whom)) return refuse_later(std::move(done));
  life(whom)->replica->save_snapshot(
      [done = detail::caller<command_outcome>(world_.events(), std::move(done))](
          result<core::snapshot> saved) mutable {
        if (saved) return done(shared_bytes{});
        done(std::unexpected(std::move(saved.error())));
      });
}

/// Never runs past `limit`, and stops at once when nothing is left to happen.
template <state_machine Machine>
template <class Condition>
bool simulated_cluster<Machine>::run_until(Condition holds, duration limit) {
  const instant end = now() + limit;
  while (!holds()) {
    if (world_.events().next_event() > end) {
      world_.events().run_until(end);
      return holds();
    }
    world_.events().run_one();
  }
  return true;
}

/// Alarms are set anew, for they stand in true time.
template <state_machine Machine>
void simulated_cluster<Machine>::set_drift(node_id id, std::int64_t parts_per_million) {
  world_.at(id).clock.set_drift(now(), parts_per_million);
  if (running(id)) life(id)->runtime.clock_changed();
}

/// Alarms that the clock leaps over go off at once.
template <state_machine Machine>
void simulated_cluster<Machine>::leap_clock(node_id id, duration forward) {
  world_.at(id).clock.leap(now(), forward);
  if (running(id)) life(id)->runtime.clock_changed();
}

/// In rising order.
template <state_machine Machine>
std::vector<node_id> simulated_cluster<Machine>::ids() const {
  std::vector<node_id> all;
  for (const auto& c : world_.computers()) all.push_back(c->id);
  return all;
}

/// A node that is down has nothing but its problem.
template <state_machine Machine>
node_status simulated_cluster<Machine>::status(node_id id) const {
  if (running(id)) return life(id)->replica->status_on_loop();
  const auto& problem = world_.at(id).problem;
  return {.id = id,
          .health = node_health::stopped,
          .problem = problem ? problem->message : "the node is down"};
}

/// Several nodes may take themselves for the leader: the newest is it.
template <state_machine Machine>
node_id simulated_cluster<Machine>::leader() const {
  node_id found;
  term highest;
  for (const node_id id : ids()) {
    if (!running(id)) continue;
    const auto s = status(id);
    if (s.role != core::role::leader || s.health == node_health::stopped) continue;
    if (found && s.term <= highest) continue;
    found = id;
    highest = s.term;
  }
  return found;
}

/// Followers are asked whether they know the leader, too: else an election may be near.
template <state_machine Machine>
bool simulated_cluster<Machine>::has_converged() const {
  const node_id leads = leader();
  if (!leads) return false;
  const auto first = status(leads);
  if (first.is_changing) return false;
  for (const node_id id : ids()) {
    if (presence(id) == node_presence::wiped || !first.configuration.contains(id)) continue;
    if (presence(id) != node_presence::up) return false;
    const auto s = status(id);
    const bool same = s.leader == leads && s.term == first.term && s.last_index == first.last_index;
    const bool settled = s.commit_index == s.last_index && s.applied_index == s.last_index &&
                         s.stable_index == s.last_index;
    if (!same || !settled || s.health == node_health::stopped) return false;
  }
  return true;
}

}  // namespace mainstay::simulation
