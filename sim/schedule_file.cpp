#include "sim/schedule_file.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace mainstay::sim {

namespace {

using nlohmann::json;
using simulation::fault;
using simulation::schedule;

constexpr int version = 3;

/// Goes over every plain member of a schedule, to write it or to read it: one list for both.
template <class Visitor>
void visit_core(core::config& c, Visitor visit) {
  visit("election_timeout_min", c.election_timeout_min);
  visit("election_timeout_max", c.election_timeout_max);
  visit("heartbeat_interval", c.heartbeat_interval);
  visit("commit_notice_delay", c.commit_notice_delay);
  visit("pre_vote", c.pre_vote);
  visit("check_quorum", c.check_quorum);
  visit("lease_reads", c.lease_reads);
  visit("max_clock_drift", c.max_clock_drift);
  visit("max_append_bytes", c.max_append_bytes);
  visit("max_inflight_messages", c.max_inflight_messages);
  visit("max_inflight_bytes", c.max_inflight_bytes);
  visit("max_command_bytes", c.max_command_bytes);
  visit("max_uncommitted_bytes", c.max_uncommitted_bytes);
  visit("log_window_bytes", c.log_window_bytes);
  visit("max_applying_bytes", c.max_applying_bytes);
  visit("max_read_rounds", c.max_read_rounds);
  visit("max_waiting_reads", c.max_waiting_reads);
  visit("snapshot_chunk_bytes", c.snapshot_chunk_bytes);
  visit("max_snapshot_transfers", c.max_snapshot_transfers);
  visit("snapshot_bytes_per_second", c.snapshot_bytes_per_second);
  visit("compaction_tail_bytes", c.compaction_tail_bytes);
}

template <class Visitor>
void visit_world(simulation::surroundings& w, Visitor visit) {
  visit("link_latency", w.link_latency);
  visit("link_jitter", w.link_jitter);
  visit("write_latency", w.write_latency);
  visit("flush_latency", w.flush_latency);
  visit("hiccups_per_million", w.hiccups_per_million);
  visit("segment_bytes", w.segment_bytes);
  visit("recycled_segments", w.recycled_segments);
}

template <class Visitor>
void visit_work(simulation::workload& w, Visitor visit) {
  visit("clients", w.clients);
  visit("pause", w.pause);
  visit("timeout", w.timeout);
  visit("keys", w.keys);
  visit("value_bytes", w.value_bytes);
  visit("reads", w.reads);
  visit("stale_reads", w.stale_reads);
  visit("lease_reads", w.lease_reads);
  visit("conditions", w.conditions);
  visit("only_leader", w.only_leader);
  visit("ballast_keys", w.ballast_keys);
  visit("ballast_bytes", w.ballast_bytes);
  visit("sessions", w.sessions);
}

template <class Visitor>
void visit_sessions(simulation::session_plan& p, Visitor visit) {
  visit("time_to_live", p.time_to_live);
  visit("window", p.window);
  visit("answer_bytes", p.answer_bytes);
  visit("sessions", p.sessions);
}

template <class Visitor>
void visit_churn(simulation::churn_plan& p, Visitor visit) {
  visit("voters", p.voters);
  visit("changes", p.changes);
  visit("transfers", p.transfers);
}

template <class Visitor>
void visit_snapshots(simulation::snapshot_plan& p, Visitor visit) {
  visit("after_entries", p.after_entries);
  visit("after_bytes", p.after_bytes);
  visit("retry", p.retry);
  visit("on_command", p.on_command);
}

struct writer {
  json& into;
  void operator()(const char* name, duration value) { into[name] = value.count(); }
  template <class Value>
  void operator()(const char* name, const Value& value) {
    into[name] = value;
  }
};

struct reader {
  const json& from;
  void operator()(const char* name, duration& value) {
    value = duration(from.at(name).get<duration::rep>());
  }
  template <class Value>
  void operator()(const char* name, Value& value) {
    value = from.at(name).get<Value>();
  }
};

json write_fault(const fault& f) {
  json one{{"kind", simulation::name_of(f.kind)},
           {"start", f.start.count()},
           {"length", f.length.count()},
           {"strength", f.strength}};
  json list = json::array();
  for (const auto id : f.nodes) list.push_back(id.value());
  for (const auto& [from, to] : f.edges) list.push_back({from.value(), to.value()});
  one[is_on_links(f.kind) ? "edges" : "nodes"] = std::move(list);
  return one;
}

fault read_fault(const json& from) {
  fault f;
  const auto name = from.at("kind").get<std::string>();
  const auto kind = simulation::fault_kind_of(name);
  if (!kind) throw std::invalid_argument("no kind of fault is called " + name);
  f.kind = *kind;
  f.start = duration(from.at("start").get<duration::rep>());
  f.length = duration(from.at("length").get<duration::rep>());
  f.strength = from.at("strength").get<std::int64_t>();
  if (is_on_links(f.kind)) {
    for (const auto& e : from.at("edges")) {
      f.edges.emplace_back(node_id(e.at(0).get<std::uint64_t>()),
                           node_id(e.at(1).get<std::uint64_t>()));
    }
  } else {
    for (const auto& id : from.at("nodes")) f.nodes.emplace_back(id.get<std::uint64_t>());
  }
  return f;
}

}  // namespace

std::string write_schedule(const schedule& what) {
  auto copy = what;
  json all{{"format", "mainstay-schedule"},
           {"version", version},
           {"seed", what.seed},
           {"nodes", what.nodes},
           {"length", what.length.count()}};
  visit_core(copy.core, writer{all["core"]});
  visit_world(copy.world, writer{all["world"]});
  visit_work(copy.work, writer{all["work"]});
  visit_snapshots(copy.snapshots, writer{all["snapshots"]});
  visit_sessions(copy.sessions, writer{all["sessions"]});
  visit_churn(copy.churn, writer{all["churn"]});
  if (what.work.most_operations) all["work"]["most_operations"] = *what.work.most_operations;
  all["faults"] = json::array();
  for (const auto& f : what.faults) all["faults"].push_back(write_fault(f));
  return all.dump(1) + "\n";
}

result<schedule> read_schedule(std::string_view text) {
  try {
    const auto all = json::parse(text);
    if (all.at("format") != "mainstay-schedule" || all.at("version") != version) {
      return fail(error_code::malformed, "this is no schedule of version 2");
    }
    schedule what;
    what.seed = all.at("seed").get<std::uint64_t>();
    what.nodes = all.at("nodes").get<std::uint64_t>();
    if (what.nodes < 1 || what.nodes > 7) {
      return fail(error_code::malformed, "nodes must be 1 to 7");
    }
    what.length = duration(all.at("length").get<duration::rep>());
    visit_core(what.core, reader{all.at("core")});
    visit_world(what.world, reader{all.at("world")});
    visit_work(what.work, reader{all.at("work")});
    visit_snapshots(what.snapshots, reader{all.at("snapshots")});
    visit_sessions(what.sessions, reader{all.at("sessions")});
    visit_churn(what.churn, reader{all.at("churn")});
    if (const auto most = all.at("work").find("most_operations"); most != all.at("work").end()) {
      what.work.most_operations = most->get<std::uint64_t>();
    }
    for (const auto& f : all.at("faults")) what.faults.push_back(read_fault(f));
    return what;
  } catch (const std::exception& why) {
    return fail(error_code::malformed, why.what());
  }
}

}  // namespace mainstay::sim
