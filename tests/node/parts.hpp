/// The components that nodes under test stand on: a network whose every call a test can lose, fail
/// or hold, a storage whose every answer it can script, and a small state machine. They work on any
/// runtime; nothing here knows of threads or time.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/metrics/memory/memory_metrics.hpp"
#include "mainstay/node/node.hpp"
#include "mainstay/storage/memory/memory_disk.hpp"
#include "mainstay/storage/memory/memory_engine.hpp"

namespace mainstay::testing {

/// What becomes of one call.
struct fate {
  enum class kind { pass, lost_before_delivery, answer_lost, held } what = kind::pass;
  error why{};  ///< what the caller is told when something is lost
};

/// The wires of one test; used on the loop only.
struct wires {
  std::map<node_id, request_handler*> listening;
  std::set<node_id> cut;  ///< nodes that neither send nor receive
  /// Decides about every call; empty: all pass.
  std::function<fate(node_id from, node_id to, const rpc_request&)> script;
  /// Sees every call as it is made.
  std::function<void(node_id from, const rpc_request&, instant deadline)> watch;
  std::deque<call_done> held;  ///< callers whose answer the test keeps; the request was delivered

  bool is_cut(node_id a, node_id b) const {
    return cut.contains(a) || cut.contains(b) || !listening.contains(b);
  }
};

/// A client that calls the other side's handler in a task of its own.
template <runtime Runtime>
class direct_client {
 public:
  direct_client(node_id self, wires& w, typename Runtime::executor loop)
      : self_(self), wires_(w), loop_(loop) {}

  void add_peer(node_id, const std::string&) {}
  void remove_peer(node_id) {}
  void call(node_id peer, group_id group, rpc_request request, instant deadline, call_done done) {
    if (wires_.watch) wires_.watch(self_, request, deadline);
    auto answer = std::make_shared<call_done>(std::move(done));
    loop_.post([this, peer, group, request = std::move(request), answer]() mutable {
      if (wires_.is_cut(self_, peer)) {
        return (*answer)(fail(error_code::unreachable, "the wire is cut"));
      }
      const fate f = wires_.script ? wires_.script(self_, peer, request) : fate{};
      if (f.what == fate::kind::lost_before_delivery) return (*answer)(std::unexpected(f.why));
      deliver(peer, group, std::move(request), respond_by(peer, answer, f));
      if (f.what == fate::kind::held) wires_.held.push_back(std::move(*answer));
    });
  }
  void stop() {}

 private:
  responder respond_by(node_id peer, const std::shared_ptr<call_done>& answer, const fate& f) {
    if (f.what == fate::kind::held) return [](rpc_response) {};
    return [this, peer, answer, f](rpc_response response) {
      loop_.post([this, peer, answer, f, response = std::move(response)]() mutable {
        if (wires_.is_cut(self_, peer)) {
          return (*answer)(fail(error_code::disconnected, "the wire was cut"));
        }
        if (f.what == fate::kind::answer_lost) return (*answer)(std::unexpected(f.why));
        (*answer)(std::move(response));
      });
    };
  }
  void deliver(node_id peer, group_id group, rpc_request request, responder respond) {
    (*wires_.listening.at(peer))(self_, group, std::move(request), std::move(respond));
  }

  node_id self_;
  wires& wires_;
  typename Runtime::executor loop_;
};

/// Puts the host's handler on the wires.
class direct_server {
 public:
  direct_server(node_id self, wires& w) : self_(self), wires_(w) {}
  result<void> start(request_handler handler) {
    handler_ = std::move(handler);
    wires_.listening[self_] = &handler_;
    return {};
  }
  void stop() { wires_.listening.erase(self_); }

 private:
  node_id self_;
  wires& wires_;
  request_handler handler_;
};

/// A log in memory whose appends complete at once, or as the test scripts them. On the loop only.
template <runtime Runtime>
class scripted_storage {
 public:
  /// What becomes of appends from now on.
  enum class mode { durable, full, failing, stalled, repeatable };

  explicit scripted_storage(typename Runtime::executor loop) : loop_(loop) {}

  mode answers = mode::durable;
  std::vector<core::entry> entries;  ///< the first stands behind the base
  core::term_run base;
  core::hard_state state;
  std::uint64_t appends = 0;  ///< that were asked for
  std::uint64_t reads = 0;
  std::optional<error> read_failure;
  std::shared_ptr<memory_disk> images = std::make_shared<memory_disk>();
  std::optional<core::snapshot> snapshot;  ///< the newest
  std::optional<error> image_failure;      ///< of whatever is asked of images from now on
  std::uint64_t chunks = 0;                ///< of images that came in

  result<recovered_state> recover(group_id, std::uint64_t max_bytes) {
    recovered_state r{.hard_state = state,
                      .base_index = base.first,
                      .base_term = base.term,
                      .last_index = base.first + entries.size(),
                      .snapshot = snapshot};
    auto first = entries.end();
    for (std::uint64_t bytes = 0; first != entries.begin(); --first) {
      bytes += core::size_of(*std::prev(first));
      if (bytes > max_bytes && first != entries.end()) break;
    }
    r.tail.assign(first, entries.end());
    for (const auto& e : entries) {
      if (r.term_runs.empty() || r.term_runs.back().term != e.term) {
        r.term_runs.push_back({e.index, e.term});
      }
    }
    return r;
  }
  void append(group_id, core::persist_batch batch, append_done done) {
    ++appends;
    loop_.post([this, batch = std::move(batch), done = std::move(done)]() mutable {
      switch (answers) {
        case mode::durable:
          write(batch);
          return done({});
        case mode::full:
          return done(fail(error_code::no_space, "no space left on device"));
        case mode::failing:
          return done(fail(error_code::io_failed, "fdatasync failed: EIO"));
        case mode::stalled:
          stalled_.emplace_back(std::move(batch), std::move(done));
          return;
        case mode::repeatable:
          write(batch);
          done({});
          repeatable_ = std::move(done);
          return;
      }
    });
  }
  /// Carries out what stalled, oldest first, and completes it.
  void release() {
    for (auto& [batch, done] : std::exchange(stalled_, {})) {
      write(batch);
      done({});
    }
  }
  /// Completes the last `repeatable` append once more.
  void repeat() { repeatable_({}); }
  void read(group_id, log_index first, log_index last, std::uint64_t max_bytes, read_done done) {
    if (first <= base.first) {
      return loop_.post([done = std::move(done)]() mutable {
        done(fail(error_code::invalid_argument, "that is compacted"));
      });
    }
    std::vector<core::entry> found;
    std::uint64_t bytes = 0;
    for (auto i = first.value(); i <= last.value(); ++i) {
      const auto& e = entries.at(i - base.first.value() - 1);
      bytes += core::size_of(e);
      if (bytes > max_bytes && !found.empty()) break;
      found.push_back(e);
    }
    ++reads;
    if (read_failure) {
      return loop_.post(
          [why = *read_failure, done = std::move(done)]() mutable { done(std::unexpected(why)); });
    }
    loop_.post(
        [found = std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
  }
  void compact(group_id, log_index index, append_done done) {
    const auto gone = static_cast<std::ptrdiff_t>(index - base.first);
    base = {index, entries[static_cast<std::size_t>(gone - 1)].term};
    entries.erase(entries.begin(), entries.begin() + gone);
    loop_.post([done = std::move(done)]() mutable { done({}); });
  }
  result<std::unique_ptr<snapshot_sink>> begin_snapshot(group_id group,
                                                        const core::snapshot_contents& contents) {
    if (image_failure) return std::unexpected(*image_failure);
    return std::make_unique<noting_sink>(
        *this, std::make_unique<memory_snapshot_sink>(images, group, contents));
  }
  result<std::unique_ptr<snapshot_source>> open_snapshot(group_id group,
                                                         const core::snapshot_id& id) {
    auto state_in = images->state_in(group, id);
    if (!state_in) return std::unexpected(state_in.error());
    return std::make_unique<memory_snapshot_source>(*std::move(state_in));
  }
  void read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                     std::uint64_t max_bytes, snapshot_read_done done) {
    complete(std::move(done), images->read_snapshot(group, id, offset, max_bytes));
  }
  void receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                        const shared_bytes& data, snapshot_received_done done) {
    ++chunks;
    if (image_failure) return complete(std::move(done), fail_images<received_snapshot>());
    complete(std::move(done), images->receive_snapshot(group, id, offset, data));
  }
  void install_snapshot(group_id group, const core::snapshot_id& id, snapshot_installed_done done) {
    if (image_failure) return complete(std::move(done), fail_images<core::snapshot>());
    auto installed = images->install_snapshot(group, id);
    if (installed) snapshot = *installed;
    complete(std::move(done), std::move(installed));
  }
  void stop() {}

 private:
  /// Notes what was saved.
  class noting_sink final : public snapshot_sink {
   public:
    noting_sink(scripted_storage& owner, std::unique_ptr<snapshot_sink> inside)
        : owner_(owner), inside_(std::move(inside)) {}
    result<void> write(std::span<const std::byte> bytes) override {
      if (owner_.image_failure) return std::unexpected(*owner_.image_failure);
      return inside_->write(bytes);
    }
    result<core::snapshot> commit() override {
      auto saved = inside_->commit();
      if (saved) owner_.snapshot = *saved;
      return saved;
    }

   private:
    scripted_storage& owner_;
    std::unique_ptr<snapshot_sink> inside_;
  };

  template <class T>
  result<T> fail_images() const {
    return std::unexpected(*image_failure);
  }
  template <class Done, class T>
  void complete(Done done, result<T> outcome) {
    loop_.post([done = std::move(done), outcome = std::move(outcome)]() mutable {
      done(std::move(outcome));
    });
  }
  void write(const core::persist_batch& batch) {
    if (batch.has_hard_state) state = batch.state;
    if (batch.truncate_from) entries.resize(batch.truncate_from - base.first - 1);
    if (batch.reset_to) {
      base = *batch.reset_to;
      entries.clear();
    }
    entries.insert(entries.end(), batch.entries.begin(), batch.entries.end());
  }

  typename Runtime::executor loop_;
  std::vector<std::pair<core::persist_batch, append_done>> stalled_;
  append_done repeatable_;
};

/// Remembers what it was told, as "component: event key=value …".
struct remembering_logger {
  std::vector<std::string> events;

  bool enabled(log_level) const { return true; }
  void log(log_level, std::string_view component, std::string_view event,
           std::span<const log_field> fields) {
    std::string line = std::string(component) + ": " + std::string(event);
    for (const auto& f : fields) {
      line += " " + std::string(f.name) + "=";
      if (const auto* number = std::get_if<std::uint64_t>(&f.value))
        line += std::to_string(*number);
      if (const auto* text = std::get_if<std::string_view>(&f.value)) line += *text;
    }
    events.push_back(std::move(line));
  }
  bool has(std::string_view part) const {
    return std::ranges::any_of(events,
                               [&](const auto& e) { return e.find(part) != std::string::npos; });
  }
};

/// Lets threads through, or holds them.
class gate {
 public:
  void close() { set(false); }
  void open() { set(true); }
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  /// Waits until so many have come to the gate since it was made.
  void await_arrivals(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::uint64_t arrived_ = 0;
};

/// Appends every command to a list and answers with its length. The command "fail" is refused,
/// "throw" throws, "wait" goes through the gate, "expire in N" makes it wait for the time N
/// milliseconds after the command's; the query "throw" throws.
struct list_machine {
  std::vector<std::string> items;
  bool fails_from_now_on = false;
  std::shared_ptr<gate> way = std::make_shared<gate>();
  std::optional<log_time> expiry;  ///< over once the time has come
  bool waits_on = false;           ///< as when there is more to do than fits into a moment
  std::vector<log_time> times;     ///< of the entries that were no commands

  void advance_time(log_time time) {
    times.push_back(time);
    if (expiry && *expiry <= time && !waits_on) expiry.reset();
  }
  std::optional<log_time> next_expiry() const { return expiry; }

  result<shared_bytes> apply(const applied_command& command) {
    const std::string_view text = command.payload.text();
    if (text == "fail" || fails_from_now_on) return fail(error_code::apply_failed, "told to fail");
    if (text == "throw") throw std::runtime_error("told to throw");
    if (text == "wait") way->pass();
    if (text.starts_with("expire in ")) {
      expiry =
          log_time{command.time.microseconds + 1000 * std::stoll(std::string(text.substr(10)))};
    }
    items.emplace_back(text);
    return shared_bytes::copy_of(std::to_string(items.size()));
  }
  result<shared_bytes> query(const shared_bytes& request) {
    if (request.text() == "throw") throw std::runtime_error("told to throw");
    return shared_bytes::copy_of(std::to_string(items.size()));
  }
  result<void> save(const snapshot_writer& writer) {
    for (const auto& item : items) {
      const std::string line = item + "\n";
      if (auto written = writer(std::as_bytes(std::span(line))); !written) return written;
    }
    return {};
  }
  result<void> restore(const snapshot_reader& reader) {
    std::string all;
    std::byte some[100];
    while (true) {
      const auto count = reader(some);
      if (!count) return std::unexpected(count.error());
      if (*count == 0) break;
      all.append(reinterpret_cast<const char*>(some), *count);
    }
    items.clear();
    for (std::size_t end = 0; (end = all.find('\n')) != std::string::npos; all.erase(0, end + 1)) {
      items.push_back(all.substr(0, end));
    }
    return {};
  }
};

/// The bundle of all these on one kind of runtime.
template <runtime Runtime>
struct types_on {
  using runtime_type = Runtime;
  using persistence_engine_type = scripted_storage<Runtime>;
  using network_client_type = direct_client<Runtime>;
  using network_server_type = direct_server;
  using diagnostic_logger_type = remembering_logger;
  using metrics_type = memory_metrics;
  using state_machine_type = list_machine;
};

/// One node with its components.
template <runtime Runtime>
struct member_node {
  member_node(node_id id, wires& w, Runtime& runtime)
      : storage(runtime.loop()),
        client(id, w, runtime.loop()),
        server(id, w),
        owner(host_parts<types_on<Runtime>>{runtime, storage, client, server, logger, metrics}) {}

  scripted_storage<Runtime> storage;
  direct_client<Runtime> client;
  direct_server server;
  remembering_logger logger;
  memory_metrics metrics;
  host<types_on<Runtime>> owner;
  std::optional<node<types_on<Runtime>>> replica;
};

/// Voters 1 to `size`.
inline core::configuration voters(std::uint64_t size) {
  core::configuration members;
  for (std::uint64_t i = 1; i <= size; ++i) {
    members.voters.push_back({node_id(i), "node-" + std::to_string(i)});
  }
  return members;
}

}  // namespace mainstay::testing
