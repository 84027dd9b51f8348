/// What mainstayd replicates: the key-value table, logs that share its keys, and locks, which have
/// names of their own. Without logs and locks it is the key-value machine to the byte, in commands
/// and in images, so that what earlier versions wrote is read, and what it writes they read, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/machines/distributed_lock/distributed_lock.hpp"
#include "mainstay/machines/key_value/key_value.hpp"
#include "mainstay/machines/replicated_log/replicated_log.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay::server {

/// Logs by key.
using log_map = std::map<std::string, replicated_log, std::less<>>;

/// The state at one moment. May outlive the machine, and be used on any thread.
class frozen_server_machine {
 public:
  /// Writes what the machine's `save` would have written at that moment.
  result<void> save(const snapshot_writer& writer) const;

 private:
  friend class server_machine;
  frozen_server_machine(frozen_key_value strings, log_map logs, distributed_lock locks)
      : strings_(std::move(strings)), logs_(std::move(logs)), locks_(std::move(locks)) {}

  frozen_key_value strings_;
  log_map logs_;
  distributed_lock locks_;
};

/// A `batch_state_machine`, `freezable_state_machine` and `timed_state_machine`. A key holds a
/// string or a log; a command for the one on the other is answered with WRONGTYPE, and changes
/// nothing. Answers are those of the key-value machine (answer.hpp). `apply` never fails.
class server_machine {
 public:
  /// `hash_seed` and `outstanding_limit` are those of the key-value machine.
  explicit server_machine(std::uint64_t hash_seed = 0,
                          std::size_t outstanding_limit = keyspace::max_outstanding_bytes)
      : strings_(hash_seed, outstanding_limit), outstanding_limit_(outstanding_limit) {}

  /// Carries out one command.
  result<shared_bytes> apply(const applied_command& command);
  /// Carries out many. Precondition: as many answers as commands.
  result<void> apply(std::span<const applied_command> commands, std::span<shared_bytes> answers);
  /// Answers a query; a command that would change something, with a failure.
  result<shared_bytes> query(const shared_bytes& request);
  /// Writes an image.
  result<void> save(const snapshot_writer& writer) { return freeze().save(writer); }
  /// Holds the state as it is now, at the cost of a pointer for every few hundred records of logs,
  /// a copy of the locks, and what the key-value machine says.
  frozen_server_machine freeze();
  /// Replaces the state by an image, or by one of the key-value machine. Errors: those of
  /// `key_value` and `image_reader`; nothing is changed then.
  result<void> restore(const snapshot_reader& reader);

  /// The log has come to this time by an entry that is not a command.
  void advance_time(log_time time);
  /// The earliest time at which a key vanishes or a lock passes on.
  std::optional<log_time> next_expiry() const;

  /// How many keys there are, strings and logs.
  std::size_t size() const { return strings_.size() + logs_.size(); }

 private:
  using asking = std::function<result<shared_bytes>()>;

  bool is_plain(std::span<const applied_command> commands) const;
  result<shared_bytes> beside_logs(const shared_bytes& payload, const asking& ask_strings);
  std::optional<shared_bytes> answer_for_log(keyspace::command_view& command);
  shared_bytes erase(keyspace::argument_reader keys, const asking& ask_strings);
  shared_bytes list_keys(keyspace::command_view& command, const asking& ask_strings);
  shared_bytes carry_out_for_log(const applied_command& command, std::string_view fields);
  shared_bytes add(const applied_command& command, std::string_view key, std::string_view rest);
  shared_bytes look_into_log(std::string_view payload);
  shared_bytes range(const replicated_log& log, record_id from, record_id to, std::uint64_t count);
  shared_bytes carry_out_for_lock(const applied_command& command);
  shared_bytes look_at_lock(std::string_view name);
  bool is_log(std::string_view key) const { return logs_.contains(key); }

  key_value strings_;
  log_map logs_;  // a key is never in both
  distributed_lock locks_;
  std::size_t outstanding_limit_;
  keyspace::answer_writer answers_;
};

}  // namespace mainstay::server
