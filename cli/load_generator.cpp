/// One epoll loop over all connections. Time is read once per wake-up, and every reply is replaced
/// by a new command at once, so the number outstanding never changes while the measurement runs.
#include "cli/load_generator.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace mainstay::cli {

namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t reconnect_after = second / 10;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

result<socket_address> resolve(const endpoint& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure =
      getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found);
  if (failure != 0) {
    return fail(error_code::unreachable,
                fmt::format("{}: cannot resolve: {}", to_string(server), gai_strerror(failure)));
  }
  socket_address address;
  address.length = found->ai_addrlen;
  std::copy_n(reinterpret_cast<const char*>(found->ai_addr), found->ai_addrlen,
              reinterpret_cast<char*>(&address.storage));
  freeaddrinfo(found);
  return address;
}

/// Closes a descriptor when it goes out of scope.
class owned_descriptor {
 public:
  explicit owned_descriptor(int value) : value_(value) {}
  owned_descriptor(const owned_descriptor&) = delete;
  owned_descriptor& operator=(const owned_descriptor&) = delete;
  ~owned_descriptor() {
    if (value_ >= 0) close(value_);
  }
  int get() const { return value_; }

 private:
  int value_;
};

/// One run: connect, warm up, measure, let the rest come back.
class load_run {
 public:
  load_run(const load_options& options, std::vector<socket_address> addresses)
      : options_(options), addresses_(std::move(addresses)), ring_(options.shape) {
    for (std::uint64_t i = 0; i < options.connections; ++i) {
      lines_.emplace_back(std::make_unique<line>(ring_, i * ring_.size() / options.connections));
      lines_.back()->number = i;
      lines_.back()->share = options.outstanding / options.connections +
                             (i < options.outstanding % options.connections ? 1 : 0);
      lines_.back()->address = i % addresses_.size();
    }
  }

  result<load_report> run(const std::function<void(const load_progress&)>& progress) {
    const auto start = monotonic_now();
    last_reply_ = start;
    measure_from_ = start + static_cast<std::uint64_t>(options_.warmup_seconds * 1e9);
    next_second_ = start + second;
    for (auto& l : lines_) connect(*l, start);
    // Every turn reads the clock, so each way out of the loop has a deadline.
    while (phase_ != phase::over) turn(progress);
    if (!ever_open_) {
      return fail(error_code::unreachable, "no endpoint takes connections");
    }
    return std::move(report_);
  }

 private:
  enum class phase : std::uint8_t { warming, measuring, draining, over };

  /// A connection with its share of the commands.
  struct line {
    line(const command_ring& ring, std::uint64_t first) : connection(ring, first) {}

    load_connection connection;
    std::uint64_t number = 0;  ///< its place in `lines_`
    std::uint64_t share = 0;   ///< commands to hold outstanding
    std::size_t address = 0;   ///< which one it connects to
    std::uint64_t reconnect_at = 0;
    bool watches_writing = false;
  };

  void turn(const std::function<void(const load_progress&)>& progress) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), 10);
    const auto now = monotonic_now();
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      serve(*lines_[event.data.u64], now, event.events);
    }
    change_phase(now);
    if (now < next_second_) return;
    tell_progress(now, progress);
  }

  void serve(line& l, std::uint64_t now, std::uint32_t events) {
    if (l.connection.current_state() == load_connection::state::connecting) {
      if (!l.connection.finish_connect()) return retry_elsewhere(l, now);
      ever_open_ = true;
      return top_up(l, l.share, now);
    }
    const auto before = load_.replies.total();
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !l.connection.receive(now, load_)) {
      return break_off(l, now);
    }
    const auto replies = load_.replies.total() - before;
    if (replies > 0) last_reply_ = now;
    top_up(l, replies, now);
  }

  /// Issues `count` more commands, or as many as the run still needs.
  void top_up(line& l, std::uint64_t count, std::uint64_t now) {
    if (phase_ == phase::draining || phase_ == phase::over) count = 0;
    if (phase_ == phase::warming && !(options_.warmup_seconds > 0)) count = 0;
    if (phase_ == phase::measuring && options_.requests > 0) count = std::min(count, budget_);
    if (!l.connection.issue(count, now) || !l.connection.flush()) return break_off(l, now);
    if (phase_ == phase::measuring) budget_ -= std::min(budget_, count);
    if (l.connection.wants_to_write() != l.watches_writing) watch(l, EPOLL_CTL_MOD);
  }

  void break_off(line& l, std::uint64_t now) {
    l.connection.drop(load_);
    retry_elsewhere(l, now);
  }

  /// When no address has ever worked, and each was tried, there is no use in going on.
  void retry_elsewhere(line& l, std::uint64_t now) {
    l.address = (l.address + 1) % addresses_.size();
    l.reconnect_at = now + reconnect_after;
    if (!ever_open_ && ++refusals_ >= lines_.size() + addresses_.size()) phase_ = phase::over;
  }

  void connect(line& l, std::uint64_t now) {
    if (!l.connection.begin_connect(addresses_[l.address])) return retry_elsewhere(l, now);
    watch(l, EPOLL_CTL_ADD);
  }

  void watch(line& l, int operation) {
    const bool connecting = l.connection.current_state() == load_connection::state::connecting;
    l.watches_writing = connecting || l.connection.wants_to_write();
    epoll_event event{};
    event.events = EPOLLIN | (l.watches_writing ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
    event.data.u64 = l.number;
    epoll_ctl(epoll_.get(), operation, l.connection.descriptor(), &event);
  }

  std::uint64_t outstanding() const {
    std::uint64_t sum = 0;
    for (const auto& l : lines_) sum += l->connection.outstanding();
    return sum;
  }

  void change_phase(std::uint64_t now) {
    if (phase_ == phase::warming && now >= measure_from_ && ever_open_) begin_measuring(now);
    if (phase_ == phase::measuring && is_enough(now)) finish_measuring(now);
    if (phase_ == phase::draining && outstanding() == 0) phase_ = phase::over;
    if (now >= reconnect_check_) reconnect(now);

    const auto patience = static_cast<std::uint64_t>(options_.timeout.count()) * 1'000'000;
    if (phase_ == phase::over || now - last_reply_ < patience) return;
    if (phase_ == phase::measuring) finish_measuring(now);
    report_.stalled = true;
    report_.unanswered = outstanding();
    phase_ = phase::over;
  }

  void reconnect(std::uint64_t now) {
    reconnect_check_ = now + reconnect_after / 10;
    if (phase_ == phase::draining) return;
    for (auto& l : lines_) {
      const bool closed = l->connection.current_state() == load_connection::state::closed;
      if (closed && now >= l->reconnect_at) connect(*l, now);
    }
  }

  void begin_measuring(std::uint64_t now) {
    phase_ = phase::measuring;
    load_ = {};
    told_ = 0;
    measure_from_ = now;
    cpu_before_ = cpu_seconds();
    const auto in_flight = outstanding();
    budget_ = options_.requests > in_flight ? options_.requests - in_flight : 0;
    for (auto& l : lines_) {
      // Lines that opened before the measurement hold their share already.
      const auto held = l->connection.outstanding();
      const bool open = l->connection.current_state() == load_connection::state::open;
      if (open && held < l->share) top_up(*l, l->share - held, now);
    }
  }

  bool is_enough(std::uint64_t now) const {
    if (options_.requests > 0) {
      return load_.replies.total() + load_.lost >= options_.requests;
    }
    return static_cast<double>(now - measure_from_) >= options_.seconds * 1e9;
  }

  void finish_measuring(std::uint64_t now) {
    phase_ = phase::draining;
    report_.seconds = static_cast<double>(now - measure_from_) * 1e-9;
    report_.generator_cpu_seconds = cpu_seconds() - cpu_before_;
    report_.distinct_keys = ring_.distinct_keys();
    report_.tally = std::exchange(load_, {});
  }

  void tell_progress(std::uint64_t now, const std::function<void(const load_progress&)>& progress) {
    next_second_ += second;
    if (phase_ != phase::measuring) return;
    const auto total = load_.replies.total();
    progress({static_cast<double>(now - measure_from_) * 1e-9, static_cast<double>(total - told_),
              load_});
    told_ = total;
  }

  const load_options& options_;
  std::vector<socket_address> addresses_;
  command_ring ring_;
  owned_descriptor epoll_{epoll_create1(EPOLL_CLOEXEC)};
  std::vector<std::unique_ptr<line>> lines_;
  phase phase_ = phase::warming;
  load_tally load_;
  load_report report_;
  std::uint64_t budget_ = 0;  ///< commands still to issue, of a run by number
  std::uint64_t measure_from_ = 0;
  std::uint64_t next_second_ = 0;
  std::uint64_t told_ = 0;
  std::uint64_t last_reply_ = 0;
  std::uint64_t reconnect_check_ = 0;
  double cpu_before_ = 0;
  std::uint64_t refusals_ = 0;
  bool ever_open_ = false;
};

std::optional<std::string> broken_rule(const load_options& options) {
  if (options.endpoints.empty()) return "endpoints: at least one is needed";
  if (options.shape.keys == 0 || options.shape.keys > 1'000'000'000'000) {
    return fmt::format("keys ({}) must be from 1 to 10^12", options.shape.keys);
  }
  if (options.shape.value_size > (1 << 20)) {
    return fmt::format("size ({}) must be at most 1 MiB", options.shape.value_size);
  }
  if (options.connections == 0 || options.connections > 10'000) {
    return fmt::format("connections ({}) must be from 1 to 10,000", options.connections);
  }
  if (options.outstanding < options.connections || options.outstanding > 10'000'000) {
    return fmt::format("outstanding ({}) must be at least the connections ({}), at most 10^7",
                       options.outstanding, options.connections);
  }
  if (options.requests == 0 && !(options.seconds > 0)) return "seconds must be more than 0";
  return std::nullopt;
}

}  // namespace

result<load_report> run_load(const load_options& options,
                             const std::function<void(const load_progress&)>& progress) {
  if (auto rule = broken_rule(options)) {
    return fail(error_code::invalid_argument, std::move(*rule));
  }
  std::vector<socket_address> addresses;
  for (const auto& server : options.endpoints) {
    auto address = resolve(server);
    if (!address) return std::unexpected(address.error());
    addresses.push_back(*address);
  }
  return load_run(options, std::move(addresses)).run(progress);
}

}  // namespace mainstay::cli
