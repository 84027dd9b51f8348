#include "tests/core/scenario.hpp"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/core/describe.hpp"
#include "tests/core/lone_replica.hpp"

namespace mainstay::core_test {

namespace {

std::vector<std::uint64_t> numbers_from(const std::string& text) {
  std::vector<std::uint64_t> all;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');) all.push_back(std::stoull(one));
  return all;
}

std::chrono::milliseconds milliseconds_from(std::uint64_t number) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(number));
}

std::string without_padding(const std::string& payload) {
  return payload.substr(0, payload.find('.'));
}

bool is_between(const core::envelope& e, std::uint64_t from, std::uint64_t to) {
  return e.from == node_id(from) && e.to == node_id(to);
}

}  // namespace

std::uint64_t scenario_command::number(std::size_t position) const {
  if (position >= words.size()) throw std::invalid_argument(name + " lacks a number");
  return std::stoull(words[position]);
}

std::uint64_t scenario_command::number(const std::string& option, std::uint64_t usual) const {
  const auto found = options.find(option);
  return found == options.end() ? usual : std::stoull(found->second);
}

std::string scenario_command::text(const std::string& option, const std::string& usual) const {
  const auto found = options.find(option);
  return found == options.end() ? usual : found->second;
}

bool scenario_command::flag(const std::string& option, bool usual) const {
  return text(option, usual ? "yes" : "no") == "yes";
}

scenario::scenario() {
  add_setup_commands();
  add_time_commands();
  add_client_commands();
  add_network_commands();
  add_message_commands();
  add_fault_commands();
  add_disk_commands();
  add_views();
}

std::string scenario::play(const std::string& text) {
  std::string played;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const bool kept = line.empty() || line.starts_with('#');
    if (kept) played += line + "\n";
    if (line.starts_with("> ")) played += line + "\n" + run(line.substr(2));
  }
  return played;
}

scenario_command scenario::parse(std::string_view line) {
  scenario_command c;
  std::istringstream in{std::string(line)};
  in >> c.name;
  for (std::string word; in >> word;) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      c.words.push_back(word);
    } else {
      c.options[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return c;
}

std::string scenario::run(const std::string& line) {
  const scenario_command c = parse(line);
  const auto found = handlers_.find(c.name);
  if (found == handlers_.end()) throw std::invalid_argument("no command " + c.name);
  found->second(c);
  return std::exchange(output_, {});
}

cluster& scenario::nodes() {
  if (!cluster_) throw std::invalid_argument("a story begins with cluster");
  return *cluster_;
}

// ---- Commands ---------------------------------------------------------------------------------

void scenario::add_setup_commands() {
  handlers_["cluster"] = [this](const scenario_command& c) { make_cluster(c); };
  handlers_["disk"] = [this](const scenario_command& c) { fill_disk(c); };
  handlers_["trace"] = [this](const scenario_command& c) {
    trace_messages_ = std::ranges::count(c.words, "messages") > 0;
    trace_disk_ = std::ranges::count(c.words, "disk") > 0;
  };
}

void scenario::make_cluster(const scenario_command& c) {
  core::config s;
  s.pre_vote = c.flag("pre_vote", s.pre_vote);
  s.check_quorum = c.flag("check_quorum", s.check_quorum);
  s.lease_reads = c.flag("leases", s.lease_reads);
  s.max_clock_drift = c.number("drift", s.max_clock_drift);
  s.max_append_bytes = c.number("append_bytes", s.max_append_bytes);
  s.max_inflight_messages = c.number("inflight_messages", s.max_inflight_messages);
  s.max_inflight_bytes = c.number("inflight_bytes", s.max_inflight_bytes);
  s.max_command_bytes = c.number("command_bytes", s.max_command_bytes);
  s.max_uncommitted_bytes = c.number("uncommitted_bytes", s.max_uncommitted_bytes);
  s.log_window_bytes = c.number("log_window_bytes", s.log_window_bytes);
  s.compaction_tail_bytes = c.number("tail_bytes", s.compaction_tail_bytes);
  s.snapshot_chunk_bytes = c.number("chunk_bytes", s.snapshot_chunk_bytes);
  s.max_snapshot_transfers = c.number("snapshot_transfers", s.max_snapshot_transfers);
  s.max_applying_bytes = c.number("applying_bytes", s.max_applying_bytes);
  s.max_read_rounds = c.number("read_rounds", s.max_read_rounds);
  s.max_waiting_reads = c.number("waiting_reads", s.max_waiting_reads);
  cluster_ = std::make_unique<cluster>(c.number(0), s, c.number("seed", 1),
                                       simulation::checked_world{.has_forged_leaders = true},
                                       c.number("voters", 0));
  cluster_->on_ready = [this](std::uint64_t node, const core::ready& r) { watch(node, r); };
}

void scenario::fill_disk(const scenario_command& c) {
  simulated_disk& disk = nodes().disk(c.number(0));
  const auto terms = numbers_from(c.text("terms"));
  const std::uint64_t last_term = terms.empty() ? 0 : terms.back();
  disk.preload(core::hard_state{term(c.number("term", last_term)), node_id(c.number("vote", 0))});
  const std::string payload(c.number("bytes", 0), '.');
  for (auto& e : entries_of(1, terms)) {
    e.payload = shared_bytes::copy_of(payload);
    disk.preload(std::move(e));
  }
}

void scenario::add_time_commands() {
  handlers_["elect"] = [this](const scenario_command& c) { nodes().elect(c.number(0)); };
  handlers_["deliver"] = [this](const scenario_command&) { nodes().deliver(); };
  handlers_["settle"] = [this](const scenario_command&) { nodes().settle(); };
  handlers_["pass"] = [this](const scenario_command& c) {
    nodes().pass(milliseconds_from(c.number(0)));
  };
  handlers_["pass_on"] = [this](const scenario_command& c) {
    nodes().pass(c.number(0), milliseconds_from(c.number(1)));
  };
  handlers_["lose_patience"] = [this](const scenario_command& c) {
    nodes().lose_patience(c.number(0));
  };
  handlers_["time_out"] = [this](const scenario_command& c) { nodes().time_out(c.number(0)); };
}

void scenario::add_client_commands() {
  handlers_["propose"] = [this](const scenario_command& c) {
    const std::size_t padding = c.number("bytes", 0);
    for (std::size_t i = 1; i < c.words.size(); ++i) {
      std::string payload = c.words[i];
      payload.resize(std::max(payload.size(), padding), '.');
      const auto index = nodes().propose(c.number(0), payload);
      if (index) {
        say(fmt::format("{}: {} goes to index {}", c.words[0], c.words[i], index->value()));
      } else {
        const node_id leader = index.error().leader;
        say(fmt::format("{}: {} is refused: {}{}", c.words[0], c.words[i],
                        name_of(index.error().code),
                        leader ? fmt::format(", ask {}", leader.value()) : ""));
      }
    }
  };
  handlers_["change"] = [this](const scenario_command& c) { change_members(c); };
  handlers_["read"] = [this](const scenario_command& c) {
    const std::uint64_t times = c.number("times", 1);
    const bool by_lease = c.flag("lease", false);
    const auto basis = by_lease ? core::read_basis::lease : core::read_basis::round;
    for (std::uint64_t i = 0; i < times; ++i) nodes().read(c.number(0), basis);
  };
}

/// "change 1 voters=1,2 learners=3 promote=4 id=7".
void scenario::change_members(const scenario_command& c) {
  core::configuration_change wanted{.change_id = c.number("id", 0),
                                    .based_on = log_index(c.number("based_on", 0))};
  const auto add = [](std::vector<core::member>& list, std::uint64_t id, bool promote) {
    list.push_back({.id = node_id(id), .address = "n" + std::to_string(id), .promote = promote});
  };
  for (const auto id : numbers_from(c.text("voters"))) add(wanted.voters, id, false);
  for (const auto id : numbers_from(c.text("learners"))) add(wanted.learners, id, false);
  for (const auto id : numbers_from(c.text("promote"))) add(wanted.learners, id, true);
  std::ranges::sort(wanted.learners, {}, &core::member::id);
  for (auto& m : wanted.voters) {
    if (std::ranges::count(numbers_from(c.text("passive")), m.id.value()) > 0) m.priority = 0;
  }
  const auto index = nodes().change(c.number(0), wanted);
  if (index) {
    say(fmt::format("{}: the members are those of index {}", c.words[0], index->value()));
  } else {
    say(fmt::format("{}: the change is refused: {} ({})", c.words[0], name_of(index.error().code),
                    index.error().message));
  }
}

void scenario::add_network_commands() {
  handlers_["cut"] = [this](const scenario_command& c) { nodes().cut(c.number(0), c.number(1)); };
  handlers_["cut_one_way"] = [this](const scenario_command& c) {
    nodes().cut_one_way(c.number(0), c.number(1));
  };
  handlers_["isolate"] = [this](const scenario_command& c) { nodes().isolate(c.number(0)); };
  handlers_["partition"] = [this](const scenario_command& c) { partition(c); };
  handlers_["heal"] = [this](const scenario_command&) { nodes().heal(); };
}

/// "partition 1,2 3,4,5": nothing passes between the groups.
void scenario::partition(const scenario_command& c) {
  for (const auto& one : c.words) {
    for (const auto& other : c.words) {
      if (&one == &other) continue;
      for (const auto a : numbers_from(one)) {
        for (const auto b : numbers_from(other)) nodes().cut_one_way(a, b);
      }
    }
  }
}

std::vector<core::envelope> scenario::take(const scenario_command& c) {
  std::vector<core::envelope> taken;
  auto& network = nodes().network();
  const std::uint64_t most = c.number("first", network.size());
  for (auto e = network.begin(); e != network.end();) {
    if (taken.size() < most && is_between(*e, c.number(0), c.number(1))) {
      taken.push_back(std::move(*e));
      e = network.erase(e);
    } else {
      ++e;
    }
  }
  return taken;
}

void scenario::add_message_commands() {
  handlers_["network"] = [this](const scenario_command&) {
    for (const auto& e : nodes().network()) {
      say(fmt::format("{} -> {} {}", e.from.value(), e.to.value(), describe(e.message)));
    }
  };
  handlers_["drop"] = [this](const scenario_command& c) { take(c); };
  handlers_["keep"] = [this](const scenario_command& c) { kept_[c.words.at(2)] = take(c); };
  handlers_["give"] = [this](const scenario_command& c) {
    for (const auto& e : kept_.at(c.words.at(0))) nodes().inject(e);
  };
  handlers_["deliver_from"] = [this](const scenario_command& c) {
    for (auto& e : take(c)) nodes().inject(std::move(e));
  };
  handlers_["inject"] = [this](const scenario_command& c) {
    nodes().inject({node_id(c.number(0)), node_id(c.number(1)), c.number("call", 1),
                    message_from(c.words.at(2), c)});
  };
  handlers_["unreachable"] = [this](const scenario_command& c) {
    nodes().unreachable(c.number(0), c.number(1));
  };
}

void scenario::add_fault_commands() {
  handlers_["crash"] = [this](const scenario_command& c) {
    nodes().crash(c.number(0), c.number("written", 0));
    commits_.erase(c.number(0));
  };
  handlers_["restart"] = [this](const scenario_command& c) { nodes().restart(c.number(0)); };
  handlers_["transfer"] = [this](const scenario_command& c) {
    const auto target = nodes().transfer(c.number(0), c.words.size() > 1 ? c.number(1) : 0);
    if (target) return;
    say(fmt::format("{}: hands over to nobody: {} ({})", c.number(0), name_of(target.error().code),
                    target.error().message));
  };
  handlers_["step_down"] = [this](const scenario_command& c) { nodes().step_down(c.number(0)); };
}

void scenario::add_disk_commands() {
  handlers_["hold_disk"] = [this](const scenario_command& c) { nodes().hold_disk(c.number(0)); };
  handlers_["free_disk"] = [this](const scenario_command& c) { nodes().free_disk(c.number(0)); };
  handlers_["persist"] = [this](const scenario_command& c) { nodes().persist(c.number(0)); };
  handlers_["refuse"] = [this](const scenario_command& c) { nodes().refuse(c.number(0)); };
  handlers_["hold_log_reads"] = [this](const scenario_command& c) {
    nodes().hold_log_reads(c.number(0));
  };
  handlers_["save_snapshot"] = [this](const scenario_command& c) {
    nodes().save_snapshot(c.number(0));
  };
  handlers_["hold_images"] = [this](const scenario_command& c) {
    nodes().hold_images(c.number(0));
  };
  handlers_["free_images"] = [this](const scenario_command& c) {
    nodes().free_images(c.number(0));
  };
  handlers_["work_on_image"] = [this](const scenario_command& c) {
    nodes().work_on_image(c.number(0));
  };
  handlers_["fail_image"] = [this](const scenario_command& c) {
    nodes().fail_work_on_image(c.number(0));
  };
  handlers_["apply"] = [this](const scenario_command& c) { nodes().apply(c.number(0)); };
  handlers_["free_log_reads"] = [this](const scenario_command& c) {
    nodes().free_log_reads(c.number(0));
  };
}

void scenario::add_views() {
  const auto each = [this](const scenario_command& c, const auto& view) {
    for (std::uint64_t node = 1; node <= nodes().size(); ++node) {
      const bool wanted = c.words.empty() || std::ranges::count(c.words, std::to_string(node)) > 0;
      if (wanted && nodes().is_up(node)) view(node);
    }
  };
  handlers_["state"] = [this, each](const scenario_command& c) {
    each(c, [this](std::uint64_t n) { say(fmt::format("{}: {}", n, describe(nodes().core(n)))); });
  };
  handlers_["log"] = [this, each](const scenario_command& c) {
    each(c, [this](std::uint64_t n) { show_log(n); });
  };
  handlers_["committed"] = [this, each](const scenario_command& c) {
    each(c, [this](std::uint64_t n) {
      std::vector<std::string> words = nodes().committed(n);
      std::ranges::transform(words, words.begin(), without_padding);
      say(fmt::format("{}: {}", n, fmt::join(words, " ")));
    });
  };
  handlers_["peers"] = [this, each](const scenario_command& c) {
    each(c, [this](std::uint64_t n) { show_peers(n); });
  };
  handlers_["alarm"] = [this, each](const scenario_command& c) {
    each(c, [this](std::uint64_t n) {
      const auto left = nodes().core(n).next_deadline() - nodes().clock(n);
      say(fmt::format("{}: next alarm in {} us", n,
                      std::chrono::duration_cast<std::chrono::microseconds>(left).count()));
    });
  };
  handlers_["configuration"] = [this, each](const scenario_command& c) {
    each(c, [this](std::uint64_t n) {
      const core::raft& r = nodes().core(n);
      say(fmt::format("{}: {} since index {}", n, describe(r.configuration()),
                      r.configuration_index().value()));
    });
  };
}

// ---- What happens, in words -------------------------------------------------------------------

void scenario::watch(std::uint64_t node, const core::ready& ready) {
  if (ready.changed) {
    say(fmt::format("{}: {} in term {}, leader {}", node, core::name_of(ready.changed->role),
                    ready.changed->term.value(), ready.changed->leader.value()));
  }
  show_persist(node, ready.persist);
  const log_index commit = nodes().core(node).commit_index();
  if (std::exchange(commits_[node], commit) != commit) {
    say(fmt::format("{}: commits {}", node, commit.value()));
  }
  for (const auto& r : ready.log_reads) {
    say(fmt::format("{}: asks its storage for {} to {}", node, r.first.value(), r.last.value()));
  }
  if (ready.install) {
    say(fmt::format("{}: has the whole image of {} and installs it", node,
                    ready.install->last_included_index.value()));
  }
  if (ready.restore) {
    say(fmt::format("{}: its state machine takes the snapshot of {}", node,
                    ready.restore->id.last_included_index.value()));
  }
  if (ready.compact_to) {
    say(fmt::format("{}: forgets its log up to {}", node, ready.compact_to.value()));
  }
  for (const auto& g : ready.granted_reads) {
    say(fmt::format("{}: read {} is granted from {} on{}", node, g.context, g.index.value(),
                    g.by_lease ? ", by lease" : ""));
  }
  for (const auto& f : ready.failed_reads) {
    say(fmt::format("{}: read {} is refused: {} ({})", node, f.context, name_of(f.why.code),
                    f.why.message));
  }
  if (const auto& t = ready.transfer) {
    say(fmt::format("{}: transfer to {}: {}", node, t->target.value(), core::name_of(t->outcome)));
  }
  if (!trace_messages_) return;
  for (const auto& e : ready.messages) {
    const char* lost = nodes().is_cut(e.from, e.to) ? ", lost" : "";
    say(fmt::format("{} -> {} {}{}", e.from.value(), e.to.value(), describe(e.message), lost));
  }
}

void scenario::show_persist(std::uint64_t node, const core::persist_batch& batch) {
  if (batch.truncate_from) {
    say(fmt::format("{}: removes {} and all after it", node, batch.truncate_from.value()));
  }
  if (batch.reset_to) {
    say(fmt::format("{}: its log goes on behind {} of term {}", node, batch.reset_to->first.value(),
                    batch.reset_to->term.value()));
  }
  if (!trace_disk_) return;
  if (batch.has_hard_state) {
    say(fmt::format("{}: writes term {} vote {}", node, batch.state.current_term.value(),
                    batch.state.voted_for.value()));
  }
  if (!batch.entries.empty()) {
    say(fmt::format("{}: writes entries {} to {}", node, batch.entries.front().index.value(),
                    batch.entries.back().index.value()));
  }
}

void scenario::show_log(std::uint64_t node) {
  const auto payloads = nodes().log(node);
  const auto terms = nodes().terms(node);
  const std::uint64_t base = nodes().core(node).entries().base_index().value();
  std::string line = base == 0 ? "" : fmt::format(" [{}]", base);
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    const std::string payload = without_padding(payloads[i]);
    line += fmt::format(" {}/{}{}{}", base + i + 1, terms[i], payload.empty() ? "" : ":", payload);
  }
  say(fmt::format("{}:{}", node, line));
}

void scenario::show_peers(std::uint64_t node) {
  for (const auto& p : nodes().core(node).peers()) {
    say(fmt::format("{}: peer {} {} match {} next {}{}", node, p.id.value(), core::name_of(p.state),
                    p.match_index.value(), p.next_index.value(), p.is_leaving ? ", leaving" : ""));
  }
}

}  // namespace mainstay::core_test
