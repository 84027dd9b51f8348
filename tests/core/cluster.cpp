#include "tests/core/cluster.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace mainstay::core_test {

namespace {

using simulation::observed_core;

/// Enough for any story; a cluster that talks to itself for ever does not hang the test.
constexpr int endless = 200'000;

std::string payload_of(const core::entry& e) {
  if (e.kind == core::entry_kind::no_op) return "-";
  if (e.kind == core::entry_kind::configuration) return "configuration";
  if (e.kind == core::entry_kind::session) return "session " + std::string(e.payload.text());
  return std::string(e.payload.text());
}

}  // namespace

core::configuration voters(std::size_t n) {
  core::configuration c;
  for (std::uint64_t id = 1; id <= n; ++id) {
    c.voters.push_back({node_id(id), "n" + std::to_string(id)});
  }
  return c;
}

core::entry command(std::uint64_t index, std::uint64_t term, std::string_view payload) {
  return {.index = log_index(index),
          .term = mainstay::term(term),
          .payload = shared_bytes::copy_of(payload)};
}

cluster::cluster(std::size_t nodes, core::config settings, std::uint64_t seed,
                 simulation::checked_world checked, std::size_t members)
    : settings_(settings),
      valid_settings_(core::valid_config::check(settings).value()),
      seed_(seed),
      first_(voters(members == 0 ? nodes : members)),
      nodes_(nodes),
      invariants_((checked.settings = settings, checked)),
      twin_(settings, first_) {
  observers_.add(invariants_);
  observers_.add(twin_);
}

cluster::simulated_node& cluster::at(std::uint64_t number) {
  simulated_node& n = nodes_.at(number - 1);
  if (!n.has_started) start(number);
  return n;
}

void cluster::start(std::uint64_t number) {
  simulated_node& n = nodes_[number - 1];
  n.has_started = true;
  core::initial_state state = n.disk.recover(settings_.log_window_bytes);
  state.id = node_id(number);
  state.bootstrap = first_;
  state.seed = random_generator(seed_++ * 64 + number).next();
  if (state.snapshot) n.applied = images_.state(state.snapshot->id).applied;
  n.core.emplace(core::raft::start(valid_settings_, std::move(state), n.clock).value(),
                 &observers_);
}

// ---- Stories ----------------------------------------------------------------------------------

void cluster::elect(std::uint64_t number) {
  for (std::uint64_t other = 1; other <= size(); ++other) {
    if (other != number) lose_patience(other);
  }
  time_out(number);
  deliver();
}

void cluster::lose_patience(std::uint64_t number) {
  if (!is_up(number) || core(number).role() == core::role::leader) return;
  const auto left = core(number).next_deadline() - clock(number) - duration(1);
  pass(number, std::clamp(left, duration(0), settings_.election_timeout_min));
}

void cluster::deliver() {
  for (int steps = 0; steps < endless; ++steps) {
    if (!network_.empty()) {
      deliver_one(0);
      continue;
    }
    bool worked = false;
    for (std::uint64_t number = 1; number <= size(); ++number) worked |= work_local(number);
    if (!worked) return;
  }
  throw std::logic_error("the cluster does not come to rest");
}

bool cluster::work_local(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core) return false;
  if (n.disk.busy() && !n.disk_is_held) return persist(number), true;
  if (!n.to_apply.empty()) return apply(number), true;
  if (!n.log_reads.empty() && !n.log_reads_are_held) return answer_log_read(number), true;
  if (!n.image_work.empty() && !n.images_are_held) return work_on_image(number), true;
  return false;
}

void cluster::settle() {
  deliver();
  for (int i = 0; i < 4; ++i) pass(settings_.heartbeat_interval);
}

duration cluster::until_next_alarm() {
  duration next = duration::max();
  for (auto& n : nodes_) {
    if (!n.core || n.core->next_deadline() == core::no_deadline) continue;
    next = std::min(next, n.core->next_deadline() - n.clock);
  }
  return std::max(next, duration(1));
}

void cluster::pass(duration span) {
  for (std::uint64_t number = 1; number <= size(); ++number) at(number);
  while (span > duration(0)) {
    const duration step = std::min(span, until_next_alarm());
    for (std::uint64_t number = 1; number <= size(); ++number) pass(number, step);
    span -= step;
    deliver();
  }
}

void cluster::pass(std::uint64_t number, duration span) {
  simulated_node& n = at(number);
  n.clock += span;
  with(number, [&](observed_core& r) { r.advance(n.clock); });
}

void cluster::time_out(std::uint64_t number) {
  const instant alarm = core(number).next_deadline();
  pass(number, std::max(alarm - clock(number), duration(0)));
}

result<log_index> cluster::propose(std::uint64_t number, std::string_view payload) {
  const std::array commands{shared_bytes::copy_of(payload)};
  result<log_index> proposed = log_index{};
  with(number, [&](observed_core& r) { proposed = r.propose(commands, log_time{++wall_clock_}); });
  return proposed;
}

result<log_index> cluster::change(std::uint64_t number, const core::configuration_change& change) {
  result<log_index> changed = log_index{};
  with(number, [&](observed_core& r) { changed = r.change_configuration(change); });
  return changed;
}

std::uint64_t cluster::read(std::uint64_t number, core::read_basis basis) {
  const std::uint64_t context = ++last_read_;
  reads_[context] = {};
  with(number, [&](observed_core& r) { r.read(context, basis); });
  return context;
}

read_result cluster::read_of(std::uint64_t context) const { return reads_.at(context); }

void cluster::cut_one_way(std::uint64_t a, std::uint64_t b) {
  cuts_.emplace(node_id(a), node_id(b));
  std::erase_if(network_, [&](const core::envelope& e) {
    return e.from == node_id(a) && e.to == node_id(b);
  });
}

void cluster::cut(std::uint64_t a, std::uint64_t b) {
  cut_one_way(a, b);
  cut_one_way(b, a);
}

void cluster::isolate(std::uint64_t number) {
  for (std::uint64_t other = 1; other <= size(); ++other) {
    if (other != number) cut(number, other);
  }
}

void cluster::crash(std::uint64_t number, std::size_t steps) {
  simulated_node& n = at(number);
  n.disk.crash(steps);
  n.core.reset();
  n.to_apply.clear();
  n.log_reads.clear();
  n.image_work.clear();
  n.applied.clear();
}

void cluster::restart(std::uint64_t number) {
  if (is_up(number)) crash(number);
  start(number);
}

// ---- Single steps -----------------------------------------------------------------------------

void cluster::with(std::uint64_t number, const std::function<void(observed_core&)>& input) {
  simulated_node& n = at(number);
  if (!n.core) return;
  input(*n.core);
  if (!lazy_) turn(number);
}

void cluster::turn(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core) return;
  core::ready ready = n.core->take_ready();
  if (on_ready) on_ready(number, ready);
  carry_out(number, std::move(ready));
}

void cluster::carry_out(std::uint64_t number, core::ready ready) {
  simulated_node& n = at(number);
  if (!ready.persist.empty()) n.disk.write(std::move(ready.persist));
  if (ready.restore) n.to_apply.emplace_back(*ready.restore);
  if (!ready.committed.empty()) n.to_apply.emplace_back(std::move(ready.committed));
  for (const auto& wanted : ready.snapshot_reads) n.image_work.emplace_back(wanted);
  for (const auto& chunk : ready.snapshot_chunks) n.image_work.emplace_back(chunk);
  if (ready.install) n.image_work.emplace_back(*ready.install);
  if (ready.compact_to) n.disk.compact(ready.compact_to);
  for (const auto& grant : ready.granted_reads) {
    reads_.at(grant.context).granted = grant.index;
  }
  for (const auto& failure : ready.failed_reads) reads_.at(failure.context).failed = failure.why;
  n.log_reads.insert(n.log_reads.end(), ready.log_reads.begin(), ready.log_reads.end());
  // Last, for a loss may tell the core at once, whose next ready comes behind this one.
  for (auto& e : ready.messages) {
    if (core::is_request(e.message)) newest_calls_[{e.from, e.to}] = e.call;
    if (!is_cut(e.from, e.to)) {
      network_.push_back(std::move(e));
    } else if (on_loss) {
      on_loss(e);
    }
  }
}

void cluster::deliver_one(std::size_t position) {
  core::envelope e = std::move(network_.at(position));
  network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(position));
  inject(std::move(e));
}

void cluster::inject(core::envelope e) {
  const auto to = e.to.value();
  if (to == 0 || to > size() || !is_up(to)) return;
  if (on_delivery) on_delivery(e);
  with(to, [&](observed_core& r) { r.step(std::move(e)); });
}

void cluster::persist(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core || !n.disk.busy()) return;
  const std::uint64_t sequence = n.disk.complete();
  with(number, [&](observed_core& r) { r.persisted(sequence); });
}

void cluster::refuse(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core || !n.disk.busy()) return;
  const std::uint64_t sequence = n.disk.refuse();
  with(number, [&](observed_core& r) { r.not_persisted(sequence); });
}

void cluster::apply(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core || n.to_apply.empty()) return;
  const machine_work work = std::move(n.to_apply.front());
  n.to_apply.pop_front();
  if (const auto* snapshot = std::get_if<core::snapshot>(&work)) {
    n.applied = images_.state(snapshot->id).applied;
    return with(number, [&](observed_core& r) { r.applied(snapshot->id.last_included_index); });
  }
  const auto& batch = std::get<std::vector<core::entry>>(work);
  if (batch.front().index != n.core->last_applied().next()) {
    throw std::logic_error("entries reach the state machine out of order");
  }
  for (const auto& e : batch) {
    if (e.kind == core::entry_kind::command) n.applied.push_back(payload_of(e));
  }
  with(number, [&](observed_core& r) { r.applied(batch.back().index); });
}

void cluster::save_snapshot(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core || !n.core->last_applied() || n.core->is_installing()) return;
  const core::raft& r = n.core->core();
  const log_index index = r.last_applied();
  if (r.snapshot() && index <= r.snapshot()->id.last_included_index) return;
  const core::snapshot saved =
      n.disk.save({index, r.entries().term_at(index), log_time{}, r.configuration_at(index)},
                  n.applied, images_);
  with(number, [&](observed_core& c) { c.snapshot_saved(saved); });
}

void cluster::work_on_image(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core || n.image_work.empty()) return;
  const image_task work = std::move(n.image_work.front());
  n.image_work.pop_front();
  if (const auto* read = std::get_if<core::snapshot_read_request>(&work)) {
    const auto piece = images_.bytes(read->image).substr(read->offset, read->max_bytes);
    with(number,
         [&](observed_core& r) { r.snapshot_read(read->id, shared_bytes::copy_of(piece)); });
  } else if (const auto* chunk = std::get_if<core::snapshot_chunk>(&work)) {
    const std::uint64_t next = n.disk.receive(*chunk);
    const bool is_whole = n.disk.is_whole(chunk->image);
    with(number, [&](observed_core& r) { r.snapshot_chunk_stored(chunk->id, next, is_whole); });
  } else {
    const core::snapshot installed = n.disk.install(std::get<core::snapshot_id>(work), images_);
    with(number, [&](observed_core& r) { r.snapshot_installed(installed); });
  }
}

void cluster::fail_work_on_image(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core || n.image_work.empty()) return;
  const image_task work = std::move(n.image_work.front());
  n.image_work.pop_front();
  with(number, [&](observed_core& r) {
    if (const auto* read = std::get_if<core::snapshot_read_request>(&work)) {
      r.snapshot_read(read->id, {});
    } else if (const auto* chunk = std::get_if<core::snapshot_chunk>(&work)) {
      r.snapshot_chunk_stored(chunk->id, std::nullopt, false);
    } else {
      r.snapshot_not_installed(std::get<core::snapshot_id>(work));
    }
  });
}

void cluster::answer_log_read(std::uint64_t number) {
  simulated_node& n = at(number);
  if (!n.core || n.log_reads.empty()) return;
  const core::log_read_request request = n.log_reads.front();
  n.log_reads.pop_front();
  with(number, [&](observed_core& r) { r.log_read(request.id, n.disk.read(request)); });
}

void cluster::unreachable(std::uint64_t number, std::uint64_t peer) {
  unreachable(number, peer, newest_calls_[{node_id(number), node_id(peer)}]);
}

void cluster::unreachable(std::uint64_t number, std::uint64_t peer, std::uint64_t call) {
  with(number, [&](observed_core& r) { r.unreachable(node_id(peer), call); });
}

void cluster::step_down(std::uint64_t number) {
  with(number, [](observed_core& r) { r.step_down(); });
}

result<node_id> cluster::transfer(std::uint64_t number, std::uint64_t to) {
  result<node_id> target = node_id{};
  with(number, [&](observed_core& r) { target = r.transfer(node_id(to)); });
  return target;
}

// ---- What there is to see ---------------------------------------------------------------------

std::vector<std::string> cluster::log(std::uint64_t number) {
  std::vector<std::string> payloads;
  const core::log& l = core(number).entries();
  for (log_index i = l.base_index().next(); i <= l.last_index(); i = i.next()) {
    payloads.push_back(payload_of(i >= l.window_first() ? l.at(i) : disk(number).at(i)));
  }
  return payloads;
}

std::vector<std::uint64_t> cluster::terms(std::uint64_t number) {
  std::vector<std::uint64_t> all;
  const core::log& l = core(number).entries();
  for (log_index i = l.base_index().next(); i <= l.last_index(); i = i.next())
    all.push_back(l.term_at(i).value());
  return all;
}

std::uint64_t cluster::leader() {
  std::uint64_t found = 0;
  term highest;
  for (std::uint64_t number = 1; number <= size(); ++number) {
    if (!is_up(number) || core(number).role() != core::role::leader) continue;
    if (core(number).current_term() <= highest) continue;
    highest = core(number).current_term();
    found = number;
  }
  return found;
}

bool cluster::has_converged() {
  for (std::uint64_t number = 1; number <= size(); ++number) {
    if (!is_up(number)) return false;
    const core::raft& r = core(number);
    const core::raft& first = core(1);
    if (r.last_index() != first.last_index() || r.last_applied() != r.last_index() ||
        r.stable_index() != r.last_index() ||
        disk(number).hashes().at(r.last_index()) != disk(1).hashes().at(r.last_index())) {
      return false;
    }
  }
  return true;
}

}  // namespace mainstay::core_test
