/// The fields of every message, each said once: `describe` is called with a writer or a reader, and
/// names them in order. Not for users.
#pragma once

#include <array>
#include <variant>

#include "mainstay/seams/rpc.hpp"

namespace mainstay::document {

/// The messages' names, in the order of `rpc_request`; responses have `_response` behind them.
inline constexpr std::array message_names = {
    "request_vote", "append_entries", "install_snapshot",
    "timeout_now",  "read_index",     "forward_commands",
};
static_assert(message_names.size() == std::variant_size_v<rpc_request>);
static_assert(message_names.size() == std::variant_size_v<rpc_response>);

/// `const Message` for a writer, `Message` for a reader.
template <class Fields, class Message>
using subject = typename Fields::template subject<Message>;

/// Paper §5.2.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::request_vote>& m) {
  fields("term", m.term);
  fields("last_log_index", m.last_log_index);
  fields("last_log_term", m.last_log_term);
  fields("pre_vote", m.pre_vote);
  fields("leadership_transfer", m.leadership_transfer);
}

/// The answer to it.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::request_vote_response>& m) {
  fields("term", m.term);
  fields("vote_granted", m.vote_granted);
  fields("pre_vote", m.pre_vote);
}

/// Paper §5.3: one entry of the log, within append_entries.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::entry>& e) {
  fields("index", e.index);
  fields("term", e.term);
  fields("kind", e.kind);
  fields("time", e.time.microseconds);
  fields("payload", e.payload);
}

/// Paper §5.3.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::append_entries>& m) {
  fields("term", m.term);
  fields("prev_log_index", m.prev_log_index);
  fields("prev_log_term", m.prev_log_term);
  fields("leader_commit", m.leader_commit);
  fields("round", m.round);
  fields("entries", m.entries);
}

/// The answer to it.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::append_entries_response>& m) {
  fields("term", m.term);
  fields("success", m.success);
  fields("match_index", m.match_index);
  fields("conflict_index", m.conflict_index);
  fields("conflict_term", m.conflict_term);
  fields("rejected_index", m.rejected_index);
  fields("round", m.round);
  fields.unless_zero("lease_promise", m.lease_promise);
}

/// Paper §7; the image is named by four fields of the message.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::install_snapshot>& m) {
  fields("term", m.term);
  fields("last_included_index", m.image.last_included_index);
  fields("last_included_term", m.image.last_included_term);
  fields("size", m.image.size);
  fields("digest", m.image.digest);
  fields("offset", m.offset);
  fields("data", m.data);
}

/// The answer to it.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::install_snapshot_response>& m) {
  fields("term", m.term);
  fields("success", m.success);
  fields("next_offset", m.next_offset);
  fields("match_index", m.match_index);
}

/// Thesis §3.10.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::timeout_now>& m) {
  fields("term", m.term);
}

/// The answer to it.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::timeout_now_response>& m) {
  fields("term", m.term);
  fields("accepted", m.accepted);
}

/// Thesis §6.4.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::read_index>& m) {
  fields("term", m.term);
}

/// The answer to it.
template <class Fields>
void describe(Fields& fields, subject<Fields, core::read_index_response>& m) {
  fields("term", m.term);
  fields("success", m.success);
  fields("index", m.index);
}

/// Commands on their way to the leader.
template <class Fields>
void describe(Fields& fields, subject<Fields, forward_commands>& m) {
  fields("kind", m.kind);
  fields("commands", m.commands);
}

/// What became of them.
template <class Fields>
void describe(Fields& fields, subject<Fields, forward_commands_response>& m) {
  fields("outcomes", m.outcomes);
  fields.unless_zero("covered_by", m.covered_by);
}

}  // namespace mainstay::document
