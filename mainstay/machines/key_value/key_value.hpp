/// The key-value state machine: strings by key, with the commands that Redis has for them. It takes
/// commands in its own binary form (command.hpp) and gives typed answers (answer.hpp); it knows no
/// client protocol, and no time but that of the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/machines/key_value/answer.hpp"
#include "mainstay/machines/key_value/command.hpp"
#include "mainstay/machines/key_value/snapshot.hpp"
#include "mainstay/machines/key_value/table.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay {

/// A key-value machine's state at one moment. May outlive the machine, and be used and destroyed on
/// any thread, one at a time.
class frozen_key_value {
 public:
  /// Writes what the machine's `save` would have written at that moment.
  result<void> save(const snapshot_writer& writer) const;

 private:
  friend class key_value;
  frozen_key_value(keyspace::frozen_table content, keyspace::snapshot_header header)
      : content_(std::move(content)), header_(header) {}

  keyspace::frozen_table content_;
  keyspace::snapshot_header header_;
};

/// A `batch_state_machine`, `freezable_state_machine` and `timed_state_machine`. Keys and values
/// are copied into its own memory, so that it does not keep blocks of the network or the log alive.
/// A command that is malformed or fails answers with a failure and changes nothing; `apply` itself
/// never fails. Queries are accepted in `apply` too: read through the log, they see every command
/// before them.
///
/// Keys expire by log time: one whose deadline lies before the time of the last entry is gone for
/// every command and query, and for snapshots; its memory goes with later entries, some keys each.
class key_value {
 public:
  /// `hash_seed` decides the order of iteration only. Give all replicas the same, so that a SCAN
  /// that began on one goes on at another.
  /// `outstanding_limit` bounds the bytes of answers that somebody still holds: beyond it, reads
  /// with large answers are answered by a failure whose code is `UNAVAILABLE`, and are to be asked
  /// again. Changes are always carried out and answered.
  explicit key_value(std::uint64_t hash_seed = 0,
                     std::size_t outstanding_limit = keyspace::max_outstanding_bytes)
      : table_(hash_seed), outstanding_limit_(outstanding_limit) {}

  /// Carries out one command. Never an error; see the answer.
  result<shared_bytes> apply(const applied_command& command);
  /// Carries out many. Precondition: as many answers as commands.
  result<void> apply(std::span<const applied_command> commands, std::span<shared_bytes> answers);
  /// Answers an encoded query; for a command that would change something, with a failure.
  result<shared_bytes> query(const shared_bytes& request);
  /// Writes a snapshot (snapshot.hpp). The same state gives the same bytes, however it came about.
  result<void> save(const snapshot_writer& writer) { return freeze().save(writer); }
  /// Holds the state as it is now (`table::freeze` tells what that costs).
  frozen_key_value freeze();
  /// Replaces the state by a snapshot. Errors: those of `reader`, `malformed`, `corrupt`,
  /// `unsupported`; the state is unchanged then.
  result<void> restore(const snapshot_reader& reader);

  /// The log has come to this time by an entry that is not a command.
  void advance_time(log_time time);
  /// The earliest time at which an entry would make a key vanish, or free one that has; nothing
  /// when no key has a deadline.
  std::optional<log_time> next_expiry() const;

  /// Whether a key is there at the time of the last entry.
  bool contains(std::string_view key) const { return find(table_.hashed(key)).has_value(); }
  /// How many keys there are; takes a step for each that has expired and was not freed yet.
  std::size_t size() const { return table_.size() - table_.deadlines().count_before(now()); }

 private:
  std::int64_t now() const { return time_.microseconds / 1000; }
  std::optional<keyspace::stored> find(keyspace::hashed_key key) const;
  std::optional<keyspace::stored> find_or_free(keyspace::hashed_key key);
  shared_bytes execute(const applied_command& command);
  shared_bytes carry_out(keyspace::command_view& command);
  shared_bytes set(keyspace::command_view& command);
  shared_bytes get_and_delete(keyspace::command_view& command);
  shared_bytes erase(keyspace::command_view& command);
  shared_bytes increment(keyspace::command_view& command);
  shared_bytes append(keyspace::command_view& command);
  shared_bytes set_many(keyspace::command_view& command);
  shared_bytes flush_all();
  shared_bytes expire(keyspace::command_view& command);
  shared_bytes persist(keyspace::command_view& command);
  shared_bytes get_and_expire(keyspace::command_view& command);

  shared_bytes answer_query(keyspace::command_view& command);
  shared_bytes get(keyspace::command_view& command);
  shared_bytes get_many(keyspace::command_view& command);
  shared_bytes exists(keyspace::command_view& command);
  shared_bytes length(keyspace::command_view& command);
  shared_bytes type(keyspace::command_view& command);
  shared_bytes scan(keyspace::command_view& command);
  shared_bytes keys(keyspace::command_view& command);
  template <class Walk>
  bool add_keys(std::string_view pattern, Walk&& walk);
  shared_bytes time_left(keyspace::command_view& command);
  shared_bytes expires_at(keyspace::command_view& command);

  bool has_room_for(std::size_t answer_bytes) const;
  shared_bytes finish_array();
  shared_bytes refuse_array(std::string_view text);

  keyspace::table table_;
  log_time time_;  ///< of the last entry
  std::size_t outstanding_limit_;
  keyspace::answer_writer answers_;
};

}  // namespace mainstay
