#include "tests/core/random_cluster.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace mainstay::core_test {

using std::chrono::milliseconds;

random_cluster::random_cluster(std::uint64_t seed)
    : random_(seed),
      cluster_(random_size(random_), random_settings(random_), random_.next(),
               {.has_unique_commands = true}) {
  draw_weights();
  payload_bytes_ = chance(2) ? 8 : 1200;
  reordering_ = 1 + random_.below(4);
  lazy_ = chance(2);
  cluster_.set_lazy(lazy_);
  cluster_.on_ready = [this](std::uint64_t node, const core::ready& r) { watch(node, r); };
  cluster_.on_loss = [this](const core::envelope& e) { lost(e); };
}

std::size_t random_cluster::random_size(random_generator& random) {
  constexpr std::array<std::size_t, 16> sizes{3, 3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 4, 2, 7, 1, 5};
  return sizes[random.below(sizes.size())];
}

core::config random_cluster::random_settings(random_generator& random) {
  core::config c;
  c.pre_vote = random.below(5) != 0;
  c.check_quorum = random.below(5) != 0;
  c.commit_notice_delay = milliseconds(random.below(3));
  c.snapshot_chunk_bytes = core::smallest_snapshot_chunk;
  c.max_snapshot_transfers = 1 + random.below(2);
  c.compaction_tail_bytes = random.below(3) == 0 ? random.below(2000) : 0;
  if (random.below(4) == 0) c.snapshot_bytes_per_second = 200'000;
  if (random.below(3) == 0) return c;
  c.max_append_bytes = 1024;
  c.max_inflight_messages = 1 + random.below(4);
  c.max_inflight_bytes = 1024 * (1 + random.below(3));
  c.max_command_bytes = 2048;
  c.max_uncommitted_bytes = 2112 + random.below(8192);
  c.log_window_bytes = 4096;
  c.max_applying_bytes = 1 + random.below(4096);
  c.max_read_rounds = 1 + random.below(3);
  c.max_waiting_reads = 1 + random.below(4);
  return c;
}

/// Each schedule has weather of its own: some kinds of trouble often, some never.
void random_cluster::draw_weights() {
  weights_.assign(std::to_underlying(action::count), 0);
  const auto set = [this](action a, std::uint64_t weight) {
    weights_[std::to_underlying(a)] = weight;
    all_weights_ += weight;
  };
  const auto often = [this](std::uint64_t most) {
    return most * std::array<std::uint64_t, 4>{0, 1, 3, 6}[random_.below(4)];
  };
  set(action::deliver, 400);
  set(action::lose, often(10));
  set(action::duplicate, often(10));
  set(action::tick, 40 + often(5));
  set(action::tick_one, often(4));
  set(action::persist, 40 + often(40));
  set(action::refuse, often(4));
  set(action::apply, 60);
  set(action::log_read, 60);
  set(action::turn, lazy_ ? 200 : 60);
  set(action::propose, 30 + often(10));
  set(action::read, often(8));
  set(action::crash, often(2));
  set(action::restart, 20);
  set(action::cut, often(3));
  set(action::heal, 10);
  set(action::step_down, often(1));
  set(action::transfer, 3 + often(8));
  set(action::save_snapshot, often(4));
  set(action::image, 60);
  set(action::image_failure, often(4));
  set(action::change, often(6));
}

void random_cluster::run() {
  const std::uint64_t steps = 500 + random_.below(3000);
  for (std::uint64_t i = 0; i < steps; ++i) {
    act(draw_action());
    ++covered_.steps;
  }
  heal_and_agree();
}

random_cluster::action random_cluster::draw_action() {
  std::uint64_t drawn = random_.below(all_weights_);
  std::size_t a = 0;
  while (drawn >= weights_[a]) drawn -= weights_[a++];
  return static_cast<action>(a);
}

void random_cluster::act(action a) {
  switch (a) {
    case action::deliver:
    case action::lose:
    case action::duplicate:
      return act_on_network(a);
    case action::tick:
    case action::tick_one:
      return act_on_clocks(a);
    case action::propose:
      return propose();
    case action::change:
      return change();
    case action::cut:
      return cut_somewhere();
    case action::heal:
      return cluster_.heal();
    case action::transfer:
      return transfer();
    default:
      return act_on_node(a, any_node());
  }
}

void random_cluster::act_on_network(action a) {
  auto& network = cluster_.network();
  if (network.empty()) return;
  const std::size_t position =
      reordering_ == 1 || chance(reordering_) ? random_.below(network.size()) : std::size_t{0};
  if (a == action::duplicate) return network.push_back(core::envelope(network[position]));
  if (a == action::deliver) return cluster_.deliver_one(position);
  const core::envelope e = std::move(network[position]);
  network.erase(network.begin() + static_cast<std::ptrdiff_t>(position));
  lost(e);
}

/// Whoever asked may notice that no answer comes, or not.
void random_cluster::lost(const core::envelope& e) {
  if (chance(2)) return;
  const bool request = core::is_request(e.message);
  const node_id asker = request ? e.from : e.to;
  const node_id asked = request ? e.to : e.from;
  if (!cluster_.is_up(asker.value())) return;
  cluster_.unreachable(asker.value(), asked.value(), e.call);
}

void random_cluster::act_on_clocks(action a) {
  const std::uint64_t node = any_node();
  duration step = milliseconds(random_.below(30));
  if (chance(2) && cluster_.is_up(node)) {
    const instant alarm = cluster_.core(node).next_deadline();
    if (alarm != core::no_deadline) step = std::max(alarm - cluster_.clock(node), duration(0));
  }
  if (a == action::tick_one) return cluster_.pass(node, step);
  for (std::uint64_t n = 1; n <= cluster_.size(); ++n) cluster_.pass(n, step);
}

void random_cluster::act_on_node(action a, std::uint64_t node) {
  if (!cluster_.is_up(node)) {
    if (a == action::restart) cluster_.restart(node);
    return;
  }
  switch (a) {
    case action::persist:
      return cluster_.persist(node);
    case action::refuse:
      covered_.refused_batches += cluster_.disk(node).busy() ? 1 : 0;
      return cluster_.refuse(node);
    case action::apply:
      return cluster_.apply(node);
    case action::log_read:
      return cluster_.answer_log_read(node);
    case action::turn:
      return cluster_.turn(node);
    case action::read:
      cluster_.read(node);
      return;
    case action::crash:
      return crash(node);
    case action::step_down:
      return cluster_.step_down(node);
    case action::save_snapshot:
      return save_snapshot(node);
    case action::image:
      return cluster_.work_on_image(node);
    case action::image_failure:
      return cluster_.fail_work_on_image(node);
    default:
      return;
  }
}

void random_cluster::propose() {
  std::uint64_t node = any_node();
  if (!chance(4) && cluster_.leader() != 0) node = cluster_.leader();
  if (!cluster_.is_up(node)) return;
  const std::string payload(random_.below(payload_bytes_), 'x');
  const auto proposed = cluster_.propose(node, payload + std::to_string(covered_.steps));
  const bool overloaded = !proposed && proposed.error().code == error_code::overloaded;
  covered_.overloaded += overloaded ? 1 : 0;
}

void random_cluster::save_snapshot(std::uint64_t node) {
  const auto before = cluster_.core(node).snapshot();
  cluster_.save_snapshot(node);
  covered_.snapshots_saved += cluster_.core(node).snapshot() != before ? 1 : 0;
}

/// Any nodes but none may be wanted as voters, others as learners.
void random_cluster::change() {
  std::uint64_t node = any_node();
  if (!chance(8) && cluster_.leader() != 0) node = cluster_.leader();
  if (!cluster_.is_up(node)) return;
  core::configuration_change wanted{.change_id = chance(4) ? random_.below(3) : 0};
  const std::uint64_t certain = any_node();
  for (std::uint64_t n = 1; n <= cluster_.size(); ++n) {
    core::member m{.id = node_id(n), .address = "n" + std::to_string(random_.below(2))};
    if (n == certain || !chance(3)) {
      wanted.voters.push_back(m);
    } else if (chance(2)) {
      m.promote = chance(2);
      wanted.learners.push_back(m);
    }
  }
  const log_index before = cluster_.core(node).configuration_index();
  const auto changed = cluster_.change(node, wanted);
  covered_.changes += changed && *changed > before ? 1 : 0;
}

void random_cluster::crash(std::uint64_t node) {
  const std::size_t steps = chance(2) ? 0 : random_.below(6);
  covered_.torn_batches += cluster_.disk(node).busy() && steps > 0 ? 1 : 0;
  ++covered_.crashes;
  cluster_.crash(node, steps);
}

/// Mostly from the leader, mostly to whoever is the best.
void random_cluster::transfer() {
  const std::uint64_t node = !chance(4) && cluster_.leader() != 0 ? cluster_.leader() : any_node();
  const std::uint64_t to = chance(3) ? any_node() : 0;
  if (cluster_.is_up(node)) cluster_.transfer(node, to);
}

void random_cluster::cut_somewhere() {
  switch (random_.below(3)) {
    case 0:
      return cluster_.isolate(any_node());
    case 1:
      return cluster_.cut_one_way(any_node(), any_node());
    default:
      break;
  }
  const std::uint64_t side = random_.next();
  for (std::uint64_t a = 1; a <= cluster_.size(); ++a) {
    for (std::uint64_t b = 1; b <= cluster_.size(); ++b) {
      if (((side >> a) & 1) != ((side >> b) & 1)) cluster_.cut_one_way(a, b);
    }
  }
}

void random_cluster::watch(std::uint64_t node, const core::ready& ready) {
  const bool leads = cluster_.core(node).role() == core::role::leader;
  if (ready.changed && ready.changed->role == core::role::leader) {
    ++covered_.leaders;
    covered_.joint_leaders += cluster_.core(node).configuration().is_joint() ? 1 : 0;
  }
  covered_.leaders_left_out +=
      leads && !cluster_.core(node).configuration().is_voter(node_id(node));
  covered_.truncations += ready.persist.truncate_from ? 1 : 0;
  covered_.log_reads += ready.log_reads.size();
  covered_.committed += ready.committed.size();
  covered_.granted_reads += ready.granted_reads.size();
  covered_.granted_reads_of_followers += leads ? 0 : ready.granted_reads.size();
  covered_.failed_reads += ready.failed_reads.size();
  covered_.compactions += ready.compact_to ? 1 : 0;
  covered_.chunks += ready.snapshot_chunks.size();
  covered_.installs += ready.install ? 1 : 0;
  covered_.log_resets += ready.persist.reset_to ? 1 : 0;
  covered_.restores += ready.restore ? 1 : 0;
  if (!ready.transfer) return;
  const bool won = ready.transfer->outcome == core::transfer_outcome::won;
  covered_.transfers_won += won ? 1 : 0;
  covered_.transfers_failed += won ? 0 : 1;
}

// ---- Liveness ---------------------------------------------------------------------------------

/// With all nodes up and the network whole, a leader comes to be, takes everyone in again, commits,
/// and all logs agree.
void random_cluster::heal_and_agree() {
  cluster_.heal();
  cluster_.set_lazy(false);
  for (std::uint64_t n = 1; n <= cluster_.size(); ++n) {
    if (cluster_.is_up(n)) {
      cluster_.turn(n);
    } else {
      cluster_.restart(n);
    }
  }
  const core::config& settings = cluster_.settings();
  std::uint64_t proposed_term = 0;
  for (duration passed{}; passed < 30 * settings.election_timeout_max;) {
    if (has_agreed(proposed_term)) return;
    cluster_.pass(milliseconds(10));
    passed += milliseconds(10);
  }
  throw simulation::violation(
      simulation::property::liveness, node_id{},
      cluster_.leader() == 0 ? "no leader after healing" : "no agreement after healing");
}

bool random_cluster::has_all_members(std::uint64_t leader) {
  const core::raft& r = cluster_.core(leader);
  const auto all = voters(cluster_.size()).voters;
  if (!r.is_changing() && r.configuration().voters.size() == all.size()) return true;
  cluster_.change(leader, {.voters = all});
  cluster_.deliver();
  return false;
}

bool random_cluster::has_agreed(std::uint64_t& proposed_term) {
  cluster_.deliver();
  const std::uint64_t leader = cluster_.leader();
  if (leader == 0 || !has_all_members(leader)) return false;
  const std::uint64_t t = cluster_.core(leader).current_term().value();
  if (proposed_term != t && cluster_.propose(leader, "at last in " + std::to_string(t)))
    proposed_term = t;
  cluster_.deliver();
  if (proposed_term != t || !cluster_.has_converged()) return false;
  const std::uint64_t read = cluster_.read(any_node());
  cluster_.deliver();
  return cluster_.read_of(read).granted.has_value();
}

}  // namespace mainstay::core_test
