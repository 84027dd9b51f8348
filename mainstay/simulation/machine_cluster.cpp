#include "mainstay/simulation/machine_cluster.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

#include "mainstay/simulation/checkers/invariants.hpp"
#include "mainstay/simulation/checkers/observed_machine.hpp"
#include "mainstay/simulation/fault_injector.hpp"
#include "mainstay/simulation/history.hpp"
#include "mainstay/simulation/linearizability.hpp"
#include "mainstay/simulation/machine_finding.hpp"
#include "mainstay/simulation/simulated_cluster.hpp"
#include "mainstay/simulation/swarm.hpp"

namespace mainstay::simulation {

namespace {

using namespace std::chrono_literals;
using machine = observed_machine<tested_machine>;
using cluster = simulated_cluster<machine>;

/// A search for a linearization is given up then.
constexpr std::uint64_t most_search_steps = 200'000;
/// After this a client waits no longer, whatever its node's clock says.
constexpr duration patience = 10s;
/// Concurrency makes histories hard to explain, and a few clients are enough for every race.
constexpr std::uint32_t most_clients = 4;
constexpr std::uint64_t final_clients = 1000;

std::string image_of(machine& from) {
  auto image = detail::image_of(from.machine());
  if (!image) throw machine_finding("replicas", 0, "it cannot save: " + image.error().message);
  return *std::move(image);
}

/// The sequential model of a subject: its own, or the machine, whose state is its image.
class subject_model {
 public:
  using state_type = std::string;

  subject_model(const detail::machine_maker& make, const machine_subject& subject)
      : make_(make), subject_(subject) {}

  state_type initial() const { return subject_.model ? std::string() : save(make_()); }
  std::optional<std::string> carry_out(state_type& state, const client_operation& o) const {
    const auto asked = shared_bytes::copy_of(o.argument);
    const bool changes = is_command(o);
    if (subject_.model) return subject_.model(state, asked, changes);
    tested_machine alone = make_();
    std::string_view rest = state;
    const auto restored = alone.restore([&](std::span<std::byte> room) -> result<std::size_t> {
      const auto size = std::min(room.size(), rest.size());
      if (size > 0) std::memcpy(room.data(), rest.data(), size);
      rest.remove_prefix(size);
      return size;
    });
    const auto answer = changes ? alone.apply({log_index(1), {}, asked}) : alone.query(asked);
    if (!restored || !answer)
      throw machine_finding("linearizability", 0, "the machine fails alone");
    if (changes) state = save(std::move(alone));
    return subject_.read ? subject_.read(*answer) : std::string(answer->text());
  }
  std::uint64_t fingerprint(const state_type& state) const {
    return std::hash<std::string>{}(state);
  }
  operation_effect<state_type> effect_of(const client_operation& o) const {
    return {.keeps = !is_command(o), .leaves = {}};
  }
  std::optional<state_type> needs(const client_operation& /*o*/) const { return std::nullopt; }
  bool can_leave(const client_operation& o, const state_type& /*s*/) const { return is_command(o); }
  /// The same command twice: nothing tells which of them came first.
  bool is_alike(const client_operation& one, const client_operation& other) const {
    return is_command(one) && one.name == other.name && one.argument == other.argument;
  }
  bool can_tell(const client_operation& /*o*/, const client_operation& /*one*/) const {
    return false;
  }

 private:
  static bool is_command(const client_operation& o) { return o.name == "command"; }
  static std::string save(tested_machine from) {
    auto image = detail::image_of(from);
    if (!image) throw machine_finding("linearizability", 0, "it cannot save");
    return *std::move(image);
  }

  const detail::machine_maker& make_;
  const machine_subject& subject_;
};

/// One seed, from its start to its verdict.
class cluster_check {
 public:
  cluster_check(const detail::machine_maker& make, const machine_subject& subject,
                const schedule& plan, std::size_t most_operations)
      : make_(make),
        subject_(subject),
        plan_(plan),
        most_operations_(most_operations),
        checks_({.settings = plan.core}),
        cluster_(settings(),
                 [this](node_id id) { return machine(make_(), id, checks_.machines(), 8); }),
        faults_(cluster_, plan_, listener()),
        random_(plan.seed ^ 0x636c69656e7473ULL) {}
  cluster_check(const cluster_check&) = delete;
  cluster_check& operator=(const cluster_check&) = delete;

  void run(machine_report& report) {
    try {
      for (const auto id : cluster_.ids()) start(id);
      faults_.start();
      for (std::uint64_t c = 1; c <= plan_.work.clients; ++c) go_on(c);
      cluster_.run_for(plan_.length);
      faults_.heal();
      stopped_ = true;
      settle();
    } catch (const violation& broken) {
      fail_with("replicas", broken.what());
    }
    compare_states();
    const auto& struck = faults_.begun();
    report.faults += std::accumulate(struck.begin(), struck.end(), std::uint64_t{0});
    report.operations += done_;
    if (!subject_.is_timed) judge_history(report);
  }

 private:
  [[noreturn]] void fail_with(const char* property, const std::string& text) const {
    throw machine_finding(property, history_.operations().size(), text);
  }

  cluster_settings settings() {
    cluster_settings s;
    s.seed = plan_.seed;
    s.nodes = plan_.nodes;
    s.options.core = plan_.core;
    s.options.snapshots = {plan_.snapshots.after_entries, plan_.snapshots.after_bytes,
                           plan_.snapshots.retry};
    s.segment_bytes = plan_.world.segment_bytes;
    s.recycled_segments = plan_.world.recycled_segments;
    s.how.hiccups_per_million = plan_.world.hiccups_per_million;
    s.links = links_of(plan_.world);
    s.disks = disks_of(plan_.world);
    s.observer = &checks_;
    return s;
  }

  void start(node_id id) {
    const auto ok = cluster_.start(id);
    if (!ok) fail_with("replicas", "a node cannot start: " + ok.error().message);
  }

  fault_listener listener() {
    fault_listener l;
    l.lost = [this](node_id id) { checks_.wiped(id); };
    l.failed = [this](node_id id, const error& why) {
      if (why.code == error_code::io_failed || why.code == error_code::no_space) return;
      fail_with("replicas", "node " + std::to_string(id.value()) + " stops: " + why.message);
    };
    return l;
  }

  // ---- Clients ----------------------------------------------------------------------------------

  node_id draw_node() { return node_id(1 + random_.below(plan_.nodes)); }

  void go_on(std::uint64_t client) {
    const auto mean = static_cast<std::uint64_t>(plan_.work.pause.count());
    const duration pause(static_cast<std::int64_t>(random_.below(2 * mean + 1)));
    cluster_.at(cluster_.now() + pause, [this, client] {
      if (stopped_ || history_.operations().size() >= most_operations_) return;
      const bool reads = subject_.query && random_.below(100) < plan_.work.reads;
      ask(client, draw_node(), !reads, [this, client](bool) { go_on(client); });
    });
  }

  /// One operation, recorded; `then` is told whether it was done.
  void ask(std::uint64_t client, node_id whom, bool changes, std::function<void(bool)> then) {
    auto payload = changes ? subject_.command(random_) : subject_.query(random_);
    const auto number = history_.begin({.client = client,
                                        .name = changes ? "command" : "query",
                                        .argument = std::string(payload.text()),
                                        .start = cluster_.now().time_since_epoch().count()});
    // Shared by the answer and by the client's patience; the first to come counts.
    const auto waits = std::make_shared<std::function<void(bool)>>(std::move(then));
    const auto end = [this, number, waits, changes, payload](const command_outcome& outcome) {
      if (!*waits) return;
      finish(number, outcome);
      if (outcome && changes) checks_.acknowledged(payload.text());
      std::exchange(*waits, nullptr)(outcome.has_value());
    };
    ++under_way_;
    cluster_.at(cluster_.now() + patience,
                [end] { end(fail(error_code::timed_out, "the client waits no longer")); });
    const call_settings how{.timeout = plan_.work.timeout};
    if (changes) {
      cluster_.submit(whom, std::move(payload), end, how);
    } else {
      cluster_.query(whom, std::move(payload), end, how);
    }
  }

  void finish(std::size_t number, const command_outcome& outcome) {
    --under_way_;
    auto how = operation_outcome::unknown;
    std::optional<std::string> read;
    if (outcome) {
      ++done_;
      how = operation_outcome::done;
      read = subject_.read ? subject_.read(*outcome) : std::string(outcome->text());
    } else if (outcome_of(outcome.error().code) == mainstay::outcome::refused) {
      how = operation_outcome::refused;
    }
    history_.finish(number, cluster_.now().time_since_epoch().count(), how, std::move(read));
  }

  // ---- After the faults -------------------------------------------------------------------------

  template <class Condition>
  void await(Condition holds, const char* what) {
    const auto end = cluster_.now() + 120s;
    while (!holds()) {
      if (cluster_.now() >= end) fail_with("replicas", what);
      cluster_.run_for(5ms);
    }
  }

  std::vector<node_id> living() const {
    auto all = cluster_.ids();
    std::erase_if(all, [this](node_id id) { return faults_.is_lost(id); });
    return all;
  }

  void settle() {
    await([this] { return cluster_.leader() && under_way_ == 0; }, "operations do not end");
    for (const auto id : living()) {
      bool done = false;
      await(
          [&] {
            if (done || under_way_ > 0) return done && under_way_ == 0;
            ask(final_clients + id.value(), id, true, [&done](bool ok) { done = ok; });
            return false;
          },
          "no command succeeds once the faults are over");
    }
    await([this] { return cluster_.has_converged(); }, "the replicas do not catch up");
    if (!subject_.query) return;
    for (const auto id : living()) ask(final_clients + id.value(), id, false, [](bool) {});
    await([this] { return under_way_ == 0; }, "no query is answered once the faults are over");
  }

  void compare_states() {
    std::map<std::string, node_id> states;
    for (const auto id : living()) states.emplace(image_of(*cluster_.machine(id)), id);
    if (states.size() > 1) fail_with("replicas", "the nodes have come to different states");
  }

  void judge_history(machine_report& report) {
    const auto judged =
        judge(subject_model(make_, subject_), history_.operations(), most_search_steps);
    if (judged.verdict == verdict::undecided) ++report.undecided;
    if (judged.verdict != verdict::not_linearizable) return;
    throw machine_finding("linearizability", judged.unexplained.size(), describe(judged));
  }

  const detail::machine_maker& make_;
  const machine_subject& subject_;
  const schedule& plan_;
  std::size_t most_operations_;
  invariants checks_;
  history history_;
  cluster cluster_;
  fault_injector<cluster> faults_;
  random_generator random_;
  std::size_t under_way_ = 0;
  std::uint64_t done_ = 0;
  bool stopped_ = false;
};

}  // namespace

void check_in_cluster(const detail::machine_maker& make, const machine_subject& subject,
                      std::uint64_t seed, const machine_check_options& options,
                      machine_report& report) {
  auto plan = draw_schedule(seed, {.length = options.length,
                                   .least_faults = options.least_faults,
                                   .most_faults = options.most_faults,
                                   .nodes = {},
                                   .kinds = options.kinds});
  plan.work.clients = std::min(plan.work.clients, most_clients);
  plan.work.pause = std::min<duration>(plan.work.pause, 80ms);
  plan.core.max_command_bytes = std::min(plan.core.max_command_bytes, plan.world.segment_bytes / 4);
  cluster_check(make, subject, plan, options.operations).run(report);
}

}  // namespace mainstay::simulation
