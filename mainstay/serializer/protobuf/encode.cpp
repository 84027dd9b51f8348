/// The encoding half of protobuf_serializer: one overload of `fill` per message.
#include <utility>

#include <rpc.pb.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/serializer/protobuf/protobuf_serializer.hpp"

namespace mainstay {

namespace {

std::string text_of(const shared_bytes& bytes) { return std::string(bytes.text()); }

rpc::EntryKind to_proto(core::entry_kind kind) {
  return static_cast<rpc::EntryKind>(std::to_underlying(kind));
}

void fill(rpc::Request& out, const core::request_vote& m) {
  auto& to = *out.mutable_request_vote();
  to.set_term(m.term.value());
  to.set_last_log_index(m.last_log_index.value());
  to.set_last_log_term(m.last_log_term.value());
  to.set_pre_vote(m.pre_vote);
  to.set_leadership_transfer(m.leadership_transfer);
}

void fill(rpc::Response& out, const core::request_vote_response& m) {
  auto& to = *out.mutable_request_vote();
  to.set_term(m.term.value());
  to.set_vote_granted(m.vote_granted);
  to.set_pre_vote(m.pre_vote);
}

void fill(rpc::Request& out, const core::append_entries& m) {
  auto& to = *out.mutable_append_entries();
  to.set_term(m.term.value());
  to.set_prev_log_index(m.prev_log_index.value());
  to.set_prev_log_term(m.prev_log_term.value());
  to.set_leader_commit(m.leader_commit.value());
  to.set_round(m.round);
  to.mutable_entries()->Reserve(static_cast<int>(m.entries.size()));
  for (const auto& e : m.entries) {
    auto& entry = *to.add_entries();
    entry.set_index(e.index.value());
    entry.set_term(e.term.value());
    entry.set_kind(to_proto(e.kind));
    entry.set_time(e.time.microseconds);
    entry.set_payload(text_of(e.payload));
  }
}

void fill(rpc::Response& out, const core::append_entries_response& m) {
  auto& to = *out.mutable_append_entries();
  to.set_term(m.term.value());
  to.set_success(m.success);
  to.set_match_index(m.match_index.value());
  to.set_conflict_index(m.conflict_index.value());
  to.set_conflict_term(m.conflict_term.value());
  to.set_rejected_index(m.rejected_index.value());
  to.set_round(m.round);
  to.set_lease_promise(m.lease_promise);
}

void fill(rpc::Request& out, const core::install_snapshot& m) {
  auto& to = *out.mutable_install_snapshot();
  to.set_term(m.term.value());
  to.set_last_included_index(m.image.last_included_index.value());
  to.set_last_included_term(m.image.last_included_term.value());
  to.set_size(m.image.size);
  to.set_digest(m.image.digest);
  to.set_offset(m.offset);
  to.set_data(text_of(m.data));
}

void fill(rpc::Response& out, const core::install_snapshot_response& m) {
  auto& to = *out.mutable_install_snapshot();
  to.set_term(m.term.value());
  to.set_success(m.success);
  to.set_next_offset(m.next_offset);
  to.set_match_index(m.match_index.value());
}

void fill(rpc::Request& out, const core::timeout_now& m) {
  out.mutable_timeout_now()->set_term(m.term.value());
}

void fill(rpc::Response& out, const core::timeout_now_response& m) {
  auto& to = *out.mutable_timeout_now();
  to.set_term(m.term.value());
  to.set_accepted(m.accepted);
}

void fill(rpc::Request& out, const core::read_index& m) {
  out.mutable_read_index()->set_term(m.term.value());
}

void fill(rpc::Response& out, const core::read_index_response& m) {
  auto& to = *out.mutable_read_index();
  to.set_term(m.term.value());
  to.set_success(m.success);
  to.set_index(m.index.value());
}

void fill(rpc::Request& out, const forward_commands& m) {
  auto& to = *out.mutable_forward_commands();
  to.set_kind(to_proto(m.kind));
  for (const auto& command : m.commands) to.add_commands(text_of(command));
}

void fill(rpc::Response& out, const forward_commands_response& m) {
  auto& to = *out.mutable_forward_commands();
  to.set_covered_by(m.covered_by.value());
  for (const auto& outcome : m.outcomes) {
    auto& one = *to.add_outcomes();
    if (outcome) {
      one.set_answer(text_of(*outcome));
      continue;
    }
    auto& failure = *one.mutable_failure();
    failure.set_code(std::string(name_of(outcome.error().code)));
    failure.set_leader(outcome.error().leader.value());
    failure.set_message(outcome.error().message);
  }
}

template <class Message>
byte_pieces written(const Message& message) {
  const auto size = message.ByteSizeLong();
  byte_arena arena(size);
  const auto room = arena.reserve(size);
  const bool fits = message.SerializeToArray(room.data(), static_cast<int>(size));
  MAINSTAY_ASSERT(fits);
  byte_pieces pieces;
  pieces.add(arena.commit(size));
  return pieces;
}

}  // namespace

byte_pieces protobuf_serializer::encode(const rpc_request& request) const {
  rpc::Request out;
  std::visit([&out](const auto& m) { fill(out, m); }, request);
  return written(out);
}

byte_pieces protobuf_serializer::encode(const rpc_response& response) const {
  rpc::Response out;
  std::visit([&out](const auto& m) { fill(out, m); }, response);
  return written(out);
}

}  // namespace mainstay
