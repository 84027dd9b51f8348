/// What the server asks of the cluster: the seam between client connections and the Raft node. The
/// server's fronts know this and nothing of Raft; tests put a machine in this process behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/node/membership.hpp"

namespace mainstay::server {

/// How fresh a read is.
enum class consistency : std::uint8_t {
  linearizable,  ///< sees every write that was answered before it was asked
  lease,         ///< the same while clocks keep their bound; the leader may answer by itself
  bounded,       ///< sees every write that was answered some time before it was asked
  token,         ///< sees what is covered by an index, which comes from `gateway::token`
  stale,         ///< sees what this node has applied
};

/// What is asked of a read.
struct read_terms {
  consistency level = consistency::linearizable;
  duration max_age{};   ///< of `bounded`
  log_index least;      ///< of `token`
  duration patience{};  ///< how long it may take; 0: as long as any command

  friend bool operator==(const read_terms&, const read_terms&) = default;
};

/// The state machine's answer to one command or query, or why there is none.
using command_outcome = result<shared_bytes>;
/// One outcome for each command of a batch, in order.
using outcomes = std::vector<command_outcome>;
/// Takes the outcomes of a batch.
using outcomes_handler = std::move_only_function<void(outcomes)>;

/// One member of the cluster, as this node sees it.
struct member_report {
  node_id id;
  std::string address;
  std::string role;       ///< "leader", "voter" or "learner"
  log_index match_index;  ///< known to the leader only; else 0
  std::string state;      ///< how the leader replicates to it; "unknown" on other nodes
  duration silence{};     ///< since it last answered the leader; 0 where that is not known
  std::uint64_t snapshot_sent = 0;  ///< bytes that it has of a snapshot on its way to it
  std::uint64_t snapshot_size = 0;  ///< 0: none is on its way
};

/// What this node says of itself.
struct status_report {
  node_id id;
  mainstay::cluster_id cluster_id;
  std::string role = "follower";  ///< or "candidate", "leader", …
  mainstay::term term;
  node_id leader;  ///< none: not known
  log_index commit_index;
  log_index applied_index;
  log_index last_index;
  log_index snapshot_index;          ///< the newest snapshot's last included; none: there is none
  std::uint64_t snapshot_bytes = 0;  ///< of its image
  std::string health = "sound";      ///< or what keeps the node from its work, as one word
  std::string problem;               ///< a sentence about it; empty when sound
  std::vector<member_report> members;

  bool has_leader() const { return static_cast<bool>(leader); }
};

/// An image of the state on this node's disk.
struct snapshot_report {
  log_index last_included_index;
  mainstay::term last_included_term;
  std::uint64_t bytes = 0;
};

/// The cluster, from the server's side. Any thread may call.
class gateway {
 public:
  gateway() = default;
  gateway(const gateway&) = delete;
  gateway& operator=(const gateway&) = delete;
  virtual ~gateway() = default;

  /// Has commands replicated and applied, in order; each on its own, so that some may fail while
  /// others succeed. Commands of a later call come after those of an earlier one from the same
  /// thread. `done` is called exactly once, on any thread but not within the call, soon after
  /// `deadline` at the latest, with as many outcomes as commands; it must not block.
  virtual void submit(std::vector<shared_bytes> commands, instant deadline,
                      outcomes_handler done) = 0;
  /// As `submit`, for requests within sessions, encoded as session_request.hpp has it. There is no
  /// order between these and the commands of `submit`.
  virtual void submit_session_requests(std::vector<shared_bytes> requests, instant deadline,
                                       outcomes_handler done) = 0;
  /// Has queries answered; as `submit`, but nothing is replicated.
  virtual void query(std::vector<shared_bytes> requests, const read_terms& terms, instant deadline,
                     outcomes_handler done) = 0;
  /// An index that covers everything answered here so far: a read on its terms sees it, at any
  /// node.
  virtual log_index token() const { return {}; }
  /// Saves a snapshot on this node; `done` is called once, on any thread.
  virtual void save_snapshot(std::function<void(const result<snapshot_report>&)> done) {
    done(fail(error_code::unsupported, "this server keeps no snapshots"));
  }
  /// The members in force, without steps; `done` is called once, on any thread.
  virtual void members(std::function<void(const membership_outcome&)> done) {
    done(fail(error_code::unsupported, "this server has no members"));
  }
  /// Takes a new node in as a learner, with the membership manager's leave; as above. One that was
  /// taken in and never connected is told the same again. Errors: `wrong_identity` when the id is
  /// in use.
  virtual void join(core::member, const std::string& /*credential*/, instant /*deadline*/,
                    std::function<void(const membership_outcome&)> done) {
    done(fail(error_code::unsupported, "this server has no members"));
  }
  /// Changes the members, or plans to; as above.
  virtual void change_members(membership_request, instant /*deadline*/,
                              std::function<void(const membership_outcome&)> done) {
    done(fail(error_code::unsupported, "this server has no members"));
  }
  /// Hands leadership to `to`, or to the best voter when none is named; gives who leads then.
  /// `done` is called once, on any thread, soon after `deadline` at the latest.
  virtual void transfer(node_id /*to*/, instant /*deadline*/,
                        std::function<void(const result<node_id>&)> done) {
    done(fail(error_code::unsupported, "this server has no other to hand over to"));
  }
  /// Of the cluster that this server is part of.
  virtual cluster_id identity() const { return {}; }
  /// A picture of one moment. May block for some milliseconds.
  virtual status_report status() = 0;
  /// The clock of deadlines.
  virtual instant now() const = 0;
};

}  // namespace mainstay::server
