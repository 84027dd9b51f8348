/// `node<Types>`: one replica of one group, as users hold it. Submit commands, ask queries, look at
/// the status; everything is asynchronous and takes a completion token.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "mainstay/node/host.hpp"
#include "mainstay/node/replica.hpp"
#include "mainstay/seams/future.hpp"

namespace mainstay {

/// A running replica. Every operation completes exactly once, on the loop (or where its token
/// says), at the latest at its deadline: with a result, or with an error whose `outcome_of` tells
/// whether the command certainly did not commit (`refused`) or may have (`unknown`).
///
/// Threads: any, unless said otherwise. Completions must not block.
template <raft_types Types>
class node {
 public:
  using machine_type = typename Types::state_machine_type;

  /// Recovers the group from storage and starts as a follower. Blocks while the log is read; from
  /// any thread but the loop's, while the loop runs. `seed` feeds the election timeouts.
  /// Errors: `invalid_argument` (options), `corrupt` and others from storage.
  static result<node> start(host<Types>& owner, node_options options, machine_type machine,
                            node_listener listener = {}) {
    auto made = create(owner, std::move(options), std::move(machine), std::move(listener));
    if (!made) return made;
    const bool started =
        run_on(owner.parts().runtime.loop(), [&] { made->replica_->start_on_loop(); });
    if (!started) return fail(error_code::shutting_down, "the loop has ended");
    return made;
  }
  /// As `start`, on the loop itself.
  static result<node> start_on_loop(host<Types>& owner, node_options options, machine_type machine,
                                    node_listener listener = {}) {
    auto made = create(owner, std::move(options), std::move(machine), std::move(listener));
    if (made) made->replica_->start_on_loop();
    return made;
  }

  node(node&&) noexcept = default;
  node& operator=(node&&) = delete;
  /// `stop` must have been called, unless the node was moved from.
  ~node() = default;

  /// Completes everything under way and takes part no longer. Returns when the state machine is
  /// left alone, too. The host, its loop and its storage must still run: what is under way when the
  /// loop ends first is never completed. From any thread but those of the loop and of the state
  /// machine. Idempotent.
  void stop() {
    run_on(loop(), [this] { stop_on_loop(); });
    // What was handed to the state machine before goes on; nothing comes behind it.
    run_on(owner_->parts().runtime.apply(), [] {});
    run_on(owner_->parts().runtime.background(), [] {});
  }
  /// As `stop`, on the loop, also from a completion. The state machine may still be at work with
  /// what it was given: it is left alone once its executor has come to what is posted now.
  void stop_on_loop() {
    replica_->stop_on_loop({error_code::shutting_down, "the node is stopping", {}});
  }

  /// Replicates a command; the result is the state machine's answer (`result<shared_bytes>`).
  template <completion_token<command_outcome> Token>
  auto submit(shared_bytes command, const submit_options& options, Token&& token) {
    return initiate<command_outcome>(
        [this, command = std::move(command),
         options](completion_handler<command_outcome> done) mutable {
          std::vector<shared_bytes> one;
          one.push_back(std::move(command));
          start_write(std::move(one), options, only_one(std::move(done)));
        },
        std::forward<Token>(token));
  }
  /// Replicates commands in order, each on its own: one outcome each (`outcomes`).
  template <completion_token<outcomes> Token>
  auto submit_batch(std::vector<shared_bytes> commands, const submit_options& options,
                    Token&& token) {
    return initiate<outcomes>(
        [this, commands = std::move(commands), options](completion_handler<outcomes> done) mutable {
          start_write(std::move(commands), options, std::move(done));
        },
        std::forward<Token>(token));
  }

  /// Opens a session, with the limits of this node's options (`result<session_id>`). An opening of
  /// unknown outcome may have left a session behind that nobody uses; it ends by itself.
  template <completion_token<result<session_id>> Token>
  auto open_session(const submit_options& options, Token&& token) {
    return initiate<result<session_id>>(
        [this, options](completion_handler<result<session_id>> done) {
          const session_request opening{.operation = session_operation::open,
                                        .limits = replica_->options().sessions,
                                        .command = {}};
          start_session_requests(
              {encode(opening)}, options, [done = std::move(done)](outcomes all) mutable {
                auto& one = all.front();
                done(one ? opened_session(*one) : std::unexpected(std::move(one.error())));
              });
        },
        std::forward<Token>(token));
  }
  /// Ends a session (`result<void>`); also one that has ended before.
  template <completion_token<result<void>> Token>
  auto close_session(session_id session, const submit_options& options, Token&& token) {
    return initiate<result<void>>(
        [this, session, options](completion_handler<result<void>> done) {
          const session_request closing{.operation = session_operation::close,
                                        .limits = {},
                                        .session = session,
                                        .command = {}};
          start_session_requests({encode(closing)}, options,
                                 [done = std::move(done)](outcomes all) mutable {
                                   auto& one = all.front();
                                   if (one) return done({});
                                   done(std::unexpected(std::move(one.error())));
                                 });
        },
        std::forward<Token>(token));
  }
  /// Replicates session requests that are encoded already, each of any session: one outcome each.
  template <completion_token<outcomes> Token>
  auto submit_session_requests(std::vector<shared_bytes> requests, const submit_options& options,
                               Token&& token) {
    return initiate<outcomes>(
        [this, requests = std::move(requests), options](completion_handler<outcomes> done) mutable {
          start_session_requests(std::move(requests), options, std::move(done));
        },
        std::forward<Token>(token));
  }

  /// Asks the state machine without changing it (`result<shared_bytes>`).
  template <completion_token<command_outcome> Token>
  auto query(shared_bytes request, const query_options& options, Token&& token) {
    return initiate<command_outcome>(
        [this, request = std::move(request),
         options](completion_handler<command_outcome> done) mutable {
          std::vector<shared_bytes> one;
          one.push_back(std::move(request));
          start_read(std::move(one), options, only_one(std::move(done)));
        },
        std::forward<Token>(token));
  }
  /// Asks several questions at the same level of freshness: one outcome each (`outcomes`).
  template <completion_token<outcomes> Token>
  auto query_batch(std::vector<shared_bytes> requests, const query_options& options,
                   Token&& token) {
    return initiate<outcomes>(
        [this, requests = std::move(requests), options](completion_handler<outcomes> done) mutable {
          start_read(std::move(requests), options, std::move(done));
        },
        std::forward<Token>(token));
  }

  /// The index that covers everything answered here so far: a read with `read_level::at_least` and
  /// this index sees it, at any node. Ask after the answer has come; also in its completion.
  log_index token() const { return replica_->token(); }
  /// Waits until this node has applied `index`; the result is an index that it has applied
  /// (`result<log_index>`).
  template <completion_token<result<log_index>> Token>
  auto wait_applied(log_index index, instant deadline, Token&& token) {
    return initiate<result<log_index>>(
        [this, index, deadline](completion_handler<result<log_index>> done) {
          auto op = std::make_unique<operation>(
              operation::kind::read, std::vector<shared_bytes>(1), deadline,
              [r = replica_, done = std::move(done)](outcomes all) mutable {
                auto& one = all.front();
                done(one ? result<log_index>(r->applied_on_loop())
                         : std::unexpected(std::move(one.error())));
              });
          op->reading = {.level = read_level::at_least, .least = index};
          op->only_wait = true;
          replica_->submit(std::move(op));
        },
        std::forward<Token>(token));
  }

  /// Saves a snapshot of what is applied, so that the log before it can go; where one is being
  /// saved already, the result is that one (`result<core::snapshot>`). On this replica alone.
  template <completion_token<result<core::snapshot>> Token>
  auto save_snapshot(Token&& token) {
    return initiate<result<core::snapshot>>(
        [this](completion_handler<result<core::snapshot>> done) {
          loop().post([r = replica_, done = std::move(done)]() mutable {
            r->save_snapshot(std::move(done));
          });
        },
        std::forward<Token>(token));
  }

  /// Changes the members through this node, which has to lead (`result<membership_result>`). It
  /// completes when the last configuration of the change is committed; a newcomer that is to be
  /// promoted then still catches up. With `dry_run` it tells what the change would lead through.
  template <completion_token<membership_outcome> Token>
  auto change_members(membership_request request, instant deadline, Token&& token) {
    return initiate<membership_outcome>(
        [this, request = std::move(request),
         deadline](completion_handler<membership_outcome> done) mutable {
          loop().post([r = replica_, request = std::move(request), deadline,
                       done = std::move(done)]() mutable {
            r->change_members(std::move(request), deadline, std::move(done));
          });
        },
        std::forward<Token>(token));
  }

  /// Hands leadership to `to`, or to the best voter when none is named (thesis §3.10); the result
  /// is the node that leads then (`result<node_id>`). Commands that come meanwhile wait, for two
  /// election timeouts at most. Errors: `not_leader`; `overloaded` while another transfer is under
  /// way or when the target declines; `invalid_argument` when it is no voter; `unreachable`;
  /// `timed_out`; `leadership_lost` when another node than the target leads.
  template <completion_token<result<node_id>> Token>
  auto transfer(node_id to, instant deadline, Token&& token) {
    return initiate<result<node_id>>(
        [this, to, deadline](completion_handler<result<node_id>> done) mutable {
          loop().post([r = replica_, to, deadline, done = std::move(done)]() mutable {
            r->transfer(to, deadline, std::move(done));
          });
        },
        std::forward<Token>(token));
  }

  /// Before a stop: if this node leads, hands leadership to one voter after the other, the best
  /// first, until one has taken it and is known, or `deadline` has passed (`result<void>`).
  /// Commands and reads are served meanwhile. Errors: `unreachable` when nobody could take it.
  template <completion_token<result<void>> Token>
  auto make_way(instant deadline, Token&& token) {
    return initiate<result<void>>(
        [this, deadline](completion_handler<result<void>> done) mutable {
          loop().post([r = replica_, deadline, done = std::move(done)]() mutable {
            r->make_way(deadline, std::move(done));
          });
        },
        std::forward<Token>(token));
  }

  /// Follows what happens at this node, from soon after this call on, as long as the stream lives.
  /// It keeps `event_options::capacity` events that nobody has taken, and counts what comes beyond.
  std::shared_ptr<event_stream> events(event_options options = {}) {
    auto stream = std::make_shared<event_stream>(std::move(options));
    loop().post([r = replica_, weak = std::weak_ptr(stream)] { r->subscribe(weak); });
    return stream;
  }

  /// What the node is at the moment; an empty status of a stopped node when the loop has ended.
  /// Blocks for a turn; from any thread but the loop's.
  node_status status() const {
    node_status now{.health = node_health::stopped, .problem = "the loop has ended"};
    run_on(loop(), [&] { now = replica_->status(); });
    return now;
  }
  /// As `status`, on the loop.
  node_status status_on_loop() const { return replica_->status(); }

  /// The state machine; touch it on the apply executor only, or once `stop` has returned.
  machine_type& machine() { return replica_->machine(); }

 private:
  using replica_type = detail::replica<Types>;
  using operation = detail::operation;

  explicit node(host<Types>& owner, std::shared_ptr<replica_type> r)
      : owner_(&owner), replica_(std::move(r)) {}

  static result<node> create(host<Types>& owner, node_options options, machine_type machine,
                             node_listener listener) {
    const auto config = check(options);
    if (!config) return std::unexpected(config.error());
    const auto& parts = owner.parts();
    auto found = parts.storage.recover(options.group, options.core.log_window_bytes);
    if (!found) return std::unexpected(found.error());
    const auto snapshot = found->snapshot;
    core::initial_state initial = initial_state_of(*std::move(found));
    initial.id = options.id;
    initial.bootstrap = options.members;
    initial.seed = parts.runtime.random_seed();
    auto core = core::raft::start(*config, std::move(initial), parts.runtime.now());
    if (!core) return std::unexpected(core.error());
    auto made = std::make_shared<replica_type>(owner, std::move(options), *std::move(core),
                                               std::move(machine), std::move(listener));
    if (snapshot) {
      if (auto ok = made->restore_machine(*snapshot); !ok) {
        return std::unexpected(ok.error());
      }
    }
    return node(owner, std::move(made));
  }

  auto loop() const { return owner_->parts().runtime.loop(); }

  static outcomes_handler only_one(completion_handler<command_outcome> done) {
    return [done = std::move(done)](outcomes all) mutable { done(std::move(all.front())); };
  }

  void start_write(std::vector<shared_bytes> commands, const submit_options& options,
                   outcomes_handler done) {
    if (options.session == 0) {
      return start_entries(core::entry_kind::command, std::move(commands), options,
                           std::move(done));
    }
    session_request first{.limits = {},
                          .session = options.session,
                          .serial = options.serial,
                          .lowest_waiting = options.lowest_waiting,
                          .command = {}};
    start_session_requests(encode_uses(std::move(first), std::move(commands)), options,
                           std::move(done));
  }
  void start_session_requests(std::vector<shared_bytes> requests, const submit_options& options,
                              outcomes_handler done) {
    start_entries(core::entry_kind::session, std::move(requests), options, std::move(done));
  }
  void start_entries(core::entry_kind kind, std::vector<shared_bytes> payloads,
                     const submit_options& options, outcomes_handler done) {
    auto op = std::make_unique<operation>(operation::kind::write, std::move(payloads),
                                          options.deadline, std::move(done));
    op->forward = options.forward;
    op->entries = kind;
    replica_->submit(std::move(op));
  }
  void start_read(std::vector<shared_bytes> requests, const query_options& options,
                  outcomes_handler done) {
    auto op = std::make_unique<operation>(operation::kind::read, std::move(requests),
                                          options.deadline, std::move(done));
    op->reading = options;
    replica_->submit(std::move(op));
  }

  host<Types>* owner_;
  std::shared_ptr<replica_type> replica_;
};

}  // namespace mainstay
