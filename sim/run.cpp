#include "sim/run.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "mainstay/machines/key_value/key_value.hpp"
#include "mainstay/simulation/checkers/invariants.hpp"
#include "mainstay/simulation/checkers/observed_machine.hpp"
#include "mainstay/simulation/fault_injector.hpp"
#include "mainstay/simulation/key_value_model.hpp"
#include "mainstay/simulation/linearizability.hpp"
#include "mainstay/simulation/observer_list.hpp"
#include "mainstay/simulation/simulated_cluster.hpp"
#include "mainstay/simulation/twin.hpp"

#include "sim/cluster_operator.hpp"
#include "sim/trace.hpp"

namespace mainstay::sim {

namespace {

using namespace std::chrono_literals;
using machine = simulation::observed_machine<key_value>;
using cluster = simulation::simulated_cluster<machine>;
using injector = simulation::fault_injector<cluster>;

/// A search for a linearization is given up then; its memory grows with its steps.
constexpr std::uint64_t most_search_steps = 1'000'000;
/// More events than this in one run mean that something goes round in circles.
constexpr std::uint64_t most_events = 60'000'000;

/// Ends a run with a finding that no checker made.
struct wrong : std::runtime_error {
  wrong(std::string what_kind, const std::string& text)
      : std::runtime_error(text), kind(std::move(what_kind)) {}
  std::string kind;
};

core::configuration members_of(std::uint64_t nodes) {
  core::configuration members;
  for (std::uint64_t i = 1; i <= nodes; ++i) {
    members.voters.push_back({node_id(i), "node-" + std::to_string(i)});
  }
  return members;
}

core::config core_of(const simulation::schedule& plan) {
  auto settings = plan.core;
  settings.max_command_bytes = std::min(settings.max_command_bytes, plan.world.segment_bytes / 4);
  return settings;
}

std::string text_of(node_id id) { return "node " + std::to_string(id.value()); }

/// One run, from its start to its verdict.
class simulation_run {
 public:
  simulation_run(const simulation::schedule& plan, const run_outputs& outputs)
      : plan_(plan),
        outputs_(outputs),
        checks_({.settings = core_of(plan), .has_unique_commands = true}),
        twin_(core_of(plan), members_of(simulation::first_voters(plan))) {}
  simulation_run(const simulation_run&) = delete;
  simulation_run& operator=(const simulation_run&) = delete;

  run_report run() {
    try {
      set_up();
      injector_->start();
      clients_->start();
      operator_->start();
      run_for(plan_.length);
      injector_->heal();
      clients_->stop();
      operator_->stop();
      for (const auto id : cluster_->ids()) installs_[id] = positions_.installs(id);
      check_liveness();
      check_idleness();
      check_agreement();
    } catch (const simulation::violation& broken) {
      note(std::string(name_of(broken.broken())), broken.what());
    } catch (const simulation::disagreement& broken) {
      note("twin", broken.what());
    } catch (const wrong& broken) {
      note(broken.kind, broken.what());
    } catch (const std::exception& broken) {
      note("exception", broken.what());
    }
    return finish();
  }

 private:
  instant now() { return cluster_->now(); }

  // ---- Setting up -------------------------------------------------------------------------------

  void set_up() {
    observers_.add(checks_);
    observers_.add(twin_);
    observers_.add(positions_);
    simulation::cluster_settings settings;
    settings.seed = plan_.seed;
    settings.nodes = plan_.nodes;
    settings.voters = simulation::first_voters(plan_);
    settings.manages_members = [this](const core::configuration& now,
                                      const core::configuration& wanted, const std::string& said) {
      auto ok = operator_->allows(wanted);
      return ok ? allow_distinct_addresses(now, wanted, said) : ok;
    };
    const auto& limits = plan_.sessions;
    settings.options.sessions = {limits.time_to_live, limits.window, limits.answer_bytes,
                                 limits.sessions};
    settings.options.core = core_of(plan_);
    settings.options.own_transfer_interval = own_transfer_interval();
    settings.options.snapshots = {plan_.snapshots.after_entries, plan_.snapshots.after_bytes,
                                  plan_.snapshots.retry};
    settings.segment_bytes = plan_.world.segment_bytes;
    settings.recycled_segments = plan_.world.recycled_segments;
    settings.how.hiccups_per_million = plan_.world.hiccups_per_million;
    settings.links = simulation::links_of(plan_.world);
    settings.disks = simulation::disks_of(plan_.world);
    settings.observer = &observers_;
    if (outputs_.trace != nullptr) {
      settings.log = [this](node_id node, log_level, std::string_view component,
                            std::string_view event, std::span<const log_field> fields) {
        if (trace_) trace_->log(now(), node, component, event, fields);
      };
    }
    cluster_.emplace(std::move(settings),
                     [this](node_id id) { return machine(key_value(), id, checks_.machines()); });
    beginning_ = now();
    if (outputs_.trace != nullptr) trace_.emplace(*outputs_.trace, plan_, beginning_);
    positions_.changed = [this](node_id id, const position_watch::position& p) {
      if (trace_) trace_->role(now(), id, {p.role, p.term, p.leader}, p.commit);
    };
    watch_network();
    set_up_faults();
    set_up_clients();
    set_up_operator();
    const auto first = members_of(simulation::first_voters(plan_));
    for (const auto id : cluster_->ids()) {
      if (!first.contains(id)) twin_.begins_with(id, simulation::joining(first, id));
    }
    for (const auto id : cluster_->ids()) start(id);
  }

  void start(node_id id) {
    const auto ok = cluster_->start(id);
    if (!ok) throw wrong("start", text_of(id) + " cannot start: " + ok.error().message);
  }

  void watch_network() {
    cluster_->network().observer = [this](const simulation::message_step& step) {
      cluster_->events().note((static_cast<std::uint64_t>(step.what) << 56U) ^
                              (step.from.value() << 48U) ^ (step.to.value() << 40U) ^ step.call);
      if (trace_) trace_->message(now(), step);
      if (is_idle_ && step.what == simulation::message_step::kind::sent) look_at_idle(step);
    };
  }

  void set_up_faults() {
    simulation::fault_listener listener;
    listener.begins = [this](const simulation::active_fault& one) {
      if (trace_) trace_->fault(now(), true, one);
    };
    listener.ends = [this](const simulation::active_fault& one) {
      if (trace_) trace_->fault(now(), false, one);
    };
    listener.lost = [this](node_id id) {
      checks_.wiped(id);
      twin_.disk_replaced(id);
      if (trace_) trace_->note(now(), id, "lost", "the node is lost for good");
    };
    listener.failed = [this](node_id id, const error& why) { on_failure(id, why); };
    listener.disk = [this](node_id id, const simulation::finished_operation& operation) {
      cluster_->events().note(
          static_cast<std::uint64_t>(operation.time.ends.time_since_epoch().count()));
      if (trace_) trace_->disk(now(), id, operation);
    };
    injector_.emplace(*cluster_, plan_, std::move(listener));
  }

  void on_failure(node_id id, const error& why) {
    ++report_.node_failures;
    if (trace_) trace_->note(now(), id, "failed", why.message);
    const auto counters = cluster_->disk(id).counters();
    const bool can_fail =
        counters.full > 0 || std::ranges::any_of(counters.faults, [](auto n) { return n > 0; });
    const bool is_fault = why.code == error_code::io_failed || why.code == error_code::no_space;
    if (can_fail && is_fault) return;
    throw wrong("storage", text_of(id) +
                               " stopped or could not start, though its disk did nothing " +
                               "that explains it: " + why.message);
  }

  void set_up_clients() {
    client_world world;
    world.nodes = plan_.nodes;
    world.at = [this](instant when, task action) { cluster_->at(when, std::move(action)); };
    world.now = [this] { return now(); };
    world.call = [this](client_call call) {
      const simulation::call_settings how{.timeout = call.timeout,
                                          .forward = call.forward,
                                          .level = call.level,
                                          .session = call.session,
                                          .serial = call.serial,
                                          .lowest_waiting = call.serial};
      if (call.changes) {
        cluster_->submit(call.node, std::move(call.payload), std::move(call.done), how);
      } else {
        cluster_->query(call.node, std::move(call.payload), std::move(call.done), how);
      }
    };
    world.open = [this](node_id node, duration timeout, auto done) {
      cluster_->open_session(node, std::move(done), {.timeout = timeout});
    };
    world.close = [this](node_id node, duration timeout, session_id session, auto done) {
      cluster_->close_session(node, session, std::move(done), {.timeout = timeout});
    };
    world.acknowledged = [this](const shared_bytes& payload) {
      checks_.acknowledged(payload.text());
    };
    world.begins = [this](std::size_t number, node_id node) {
      if (trace_) trace_->begins(now(), number, node, clients_->record().operations()[number]);
    };
    world.ends = [this](std::size_t number) {
      const auto& operation = clients_->record().operations()[number];
      cluster_->events().note(number * 4 + static_cast<std::uint64_t>(operation.outcome));
      if (trace_) trace_->ends(now(), number, operation);
    };
    clients_.emplace(plan_.work, std::move(world), plan_.seed ^ 0x636c69656e7473ULL);
  }

  void set_up_operator() {
    operated_cluster world;
    world.leader = [this] { return cluster_->leader(); };
    world.members = [this](node_id id) { return cluster_->status(id).configuration; };
    world.change = [this](node_id through, membership_request request,
                          simulation::membership_handler done, duration timeout) {
      cluster_->change_members(through, std::move(request), std::move(done), timeout);
    };
    world.transfer = [this](node_id through, node_id to, simulation::transfer_handler done,
                            duration timeout) {
      cluster_->transfer(through, to, std::move(done), timeout);
    };
    world.is_lost = [this](node_id id) { return injector_->is_lost(id); };
    world.replace_disk = [this](node_id id, const core::configuration& members, log_index joined) {
      twin_.begins_with(id, simulation::joining(members, id, joined));
      injector_->replace_disk(id, members, joined);
    };
    world.at = [this](instant when, task action) { cluster_->at(when, std::move(action)); };
    world.now = [this] { return now(); };
    world.save_snapshot = [this](node_id whom, simulation::outcome_handler done) {
      cluster_->save_snapshot(whom, std::move(done));
    };
    operator_.emplace(plan_, std::move(world));
  }

  // ---- Time -------------------------------------------------------------------------------------

  void run_until(instant end) {
    auto& events = cluster_->events();
    while (events.next_event() <= end) {
      events.run_one();
      if (events.events() > most_events) throw wrong("no end", "events without end");
    }
    events.run_until(end);
  }
  void run_for(duration span) { run_until(now() + span); }

  /// Runs until `holds`, which is asked every few milliseconds.
  template <class Condition>
  void await(Condition holds, duration limit, const char* what) {
    const auto end = now() + limit;
    while (!holds()) {
      if (now() >= end) {
        throw wrong("liveness", std::string(what) + " after " + std::to_string(limit / 1ms) +
                                    " ms without faults");
      }
      run_for(5ms);
    }
  }

  // ---- After the faults -------------------------------------------------------------------------

  /// The members of the end that were not lost. Precondition: somebody leads, as after
  /// `await_leader`.
  std::vector<node_id> living() {
    std::vector<node_id> all;
    for (const auto& m : cluster_->status(cluster_->leader()).configuration.members()) {
      if (!injector_->is_lost(m.id)) all.push_back(m.id);
    }
    return all;
  }
  void await_leader() {
    await([this] { return static_cast<bool>(cluster_->leader()); },
          30 * plan_.core.election_timeout_max, "no leader");
  }

  void check_liveness() {
    const auto election = plan_.core.election_timeout_max;
    await_leader();
    await([this] { return clients_->under_way() == 0 && operator_->under_way() == 0; }, 20s,
          "operations have not ended");
    const duration limit = 30 * election + 10s;
    await_leader();
    for (const auto id : living()) {
      until_done(limit, [&](auto done) { clients_->write_once(id, 2s, std::move(done)); });
    }
    await_leader();
    // Keys that expire would have the leader tell the time while nothing else happens.
    until_done(limit,
               [&](auto done) { clients_->erase_mortals(living().front(), 2s, std::move(done)); });
    check_priorities();
    await([this] { return cluster_->has_converged(); }, catch_up_time() + 30 * election,
          "logs have not converged");
    for (const auto id : living()) clients_->read_everything(id);
    await([this] { return clients_->under_way() == 0; }, 20s, "reads have not ended");
    check_installs();
  }

  duration own_transfer_interval() const { return 20 * plan_.core.election_timeout_max; }

  /// Whoever of the living has the highest priority comes to lead.
  void check_priorities() {
    const auto highest_leads = [this] {
      const node_id leader = cluster_->leader();
      if (!leader) return false;
      int highest = 0;
      int leads = 0;
      for (const auto& m : cluster_->status(leader).configuration.voters) {
        if (!injector_->is_lost(m.id)) highest = std::max<int>(highest, m.priority);
        if (m.id == leader) leads = m.priority;
      }
      return leads >= highest;
    };
    await(highest_leads,
          catch_up_time() + 3 * own_transfer_interval() + 30 * plan_.core.election_timeout_max,
          "leadership has not come to a node of the highest priority");
  }

  /// Whoever has caught up needs no further snapshot: one that is sent again and again never gets
  /// there.
  void check_installs() {
    constexpr std::uint64_t most = 5;
    for (const auto& [id, before] : installs_) {
      if (positions_.installs(id) - before <= most) continue;
      throw wrong("liveness", text_of(id) + " has taken " +
                                  std::to_string(positions_.installs(id) - before) +
                                  " snapshots in since the faults ended");
    }
  }

  /// A write is done, after as many tries as it takes.
  template <class Attempt>
  void until_done(duration limit, Attempt attempt) {
    bool done = false;
    bool under_way = false;
    await(
        [&] {
          if (done || under_way) return done;
          under_way = true;
          attempt([&](bool ok) {
            done = ok;
            under_way = false;
          });
          return false;
        },
        limit, "no write succeeds");
    if (under_way) run_for(11s);
  }

  /// How long the furthest behind may need to catch up when every message carries one entry.
  duration catch_up_time() {
    const auto round = 2 * (plan_.world.link_latency + plan_.world.link_jitter) +
                       4 * plan_.world.flush_latency + 2ms;
    const auto most = round * static_cast<duration::rep>(positions_.highest_commit().value() + 10);
    const auto rate = plan_.core.snapshot_bytes_per_second;
    if (rate == 0) return most;
    std::uint64_t largest = 0;
    for (const auto id : living()) {
      if (const auto* core = positions_.core(id); core != nullptr && core->snapshot()) {
        largest = std::max(largest, core->snapshot()->id.size);
      }
    }
    return most + 2 * std::chrono::seconds(plan_.nodes * (largest / rate + 1));
  }

  void look_at_idle(const simulation::message_step& step) {
    const auto takes_part = [this](node_id id) {
      return members_.contains(id) && !injector_->is_lost(id);
    };
    if (!takes_part(step.to) || !takes_part(step.from)) return;
    if (step.response != nullptr) {
      if (std::holds_alternative<core::append_entries_response>(*step.response)) return;
    } else if (const auto* append = std::get_if<core::append_entries>(step.request)) {
      ++heartbeats_[step.to];
      if (append->entries.empty()) return;
    }
    throw wrong("idle", text_of(step.from) + " sends more than heartbeats to " + text_of(step.to) +
                            " in an idle cluster");
  }

  void check_idleness() {
    run_for(2s);
    members_ = cluster_->status(cluster_->leader()).configuration;
    const auto term = cluster_->status(cluster_->leader()).term;
    is_idle_ = true;
    run_for(1s);
    is_idle_ = false;
    if (!cluster_->leader() || cluster_->status(cluster_->leader()).term != term) {
      throw wrong("idle", "leadership changes in an idle cluster");
    }
    const auto most = static_cast<std::uint64_t>(1s / plan_.core.heartbeat_interval) * 3 / 2 + 3;
    for (const auto& [id, count] : heartbeats_) {
      if (count > most) {
        throw wrong("idle", text_of(id) + " is sent " + std::to_string(count) +
                                " heartbeats a second in an idle cluster");
      }
    }
  }

  void check_agreement() {
    std::map<std::string, node_id> states;
    for (const auto id : living()) {
      std::string state;
      const auto saved = cluster_->machine(id)->save([&state](std::span<const std::byte> piece) {
        for (const auto byte : piece) state += static_cast<char>(byte);
        return result<void>{};
      });
      if (!saved) throw wrong("state", text_of(id) + ": " + saved.error().message);
      states.emplace(std::move(state), id);
      if (const auto* core = positions_.core(id)) checks_.at_end(*core);
    }
    if (states.size() > 1) throw wrong("state", "the machines of the nodes differ");
    check_changes();
    const auto judged = simulation::judge(simulation::key_value_model{},
                                          clients_->record().operations(), most_search_steps);
    if (judged.verdict == simulation::verdict::not_linearizable) {
      throw wrong("linearizability", simulation::describe(judged));
    }
    report_.undecided = judged.verdict == simulation::verdict::undecided;
  }

  /// A change that was refused certainly did not happen.
  void check_changes() {
    const auto& record = checks_.record();
    for (log_index i{1}; i <= record.last_committed(); i = i.next()) {
      const auto* members = record.logs().configuration_at(record.committed(i));
      if (members == nullptr || !operator_->was_refused(members->change_id)) continue;
      throw wrong("membership", "change " + std::to_string(members->change_id) +
                                    " was refused, and is committed at index " +
                                    std::to_string(i.value()));
    }
  }

  // ---- The verdict ------------------------------------------------------------------------------

  void note(std::string kind, std::string text) {
    const duration at = cluster_ ? now() - beginning_ : duration{};
    if (trace_) trace_->note(now(), {}, "finding", kind + ": " + text);
    report_.found = finding{std::move(kind), std::move(text), at};
  }

  run_report finish() {
    if (!cluster_) return report_;
    report_.hash = cluster_->events().trace_hash();
    report_.events = cluster_->events().events();
    report_.simulated = now() - beginning_;
    report_.elections = positions_.elections();
    report_.snapshots = positions_.snapshots();
    if (operator_) report_.operated = operator_->counters();
    if (injector_) report_.faults = injector_->begun();
    if (injector_) report_.lost_nodes = injector_->lost_nodes();
    if (clients_) report_.operations = clients_->counters();
    if (clients_ && outputs_.history != nullptr) {
      *outputs_.history << simulation::write_history(clients_->record().operations());
    }
    return std::move(report_);
  }

  const simulation::schedule& plan_;
  run_outputs outputs_;
  run_report report_;
  simulation::invariants checks_;
  simulation::twin twin_;
  position_watch positions_;
  simulation::observer_list observers_;
  instant beginning_{};
  bool is_idle_ = false;
  core::configuration members_;  // of the idle cluster
  std::map<node_id, std::uint64_t> heartbeats_;
  std::map<node_id, std::uint64_t> installs_;  // when the faults ended
  std::optional<trace_writer> trace_;
  std::optional<client_group> clients_;
  std::optional<cluster_operator> operator_;
  std::optional<injector> injector_;
  std::optional<cluster> cluster_;  // the last: its events refer to the others
};

}  // namespace

run_report run_schedule(const simulation::schedule& what, const run_outputs& outputs) {
  return simulation_run(what, outputs).run();
}

}  // namespace mainstay::sim
