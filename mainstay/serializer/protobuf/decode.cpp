/// The decoding half of protobuf_serializer: one overload of `take` per message. What the library
/// leaves open (unknown fields, unknown kinds, limits) is refused here.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <rpc.pb.h>

#include "mainstay/core/configuration.hpp"
#include "mainstay/serializer/protobuf/item_count.hpp"
#include "mainstay/serializer/protobuf/protobuf_serializer.hpp"

namespace mainstay {

namespace {

/// More fields than any message has beside its list.
constexpr std::size_t most_fields = 16;

/// What is wrong with the message at hand; empty as long as nothing is.
class complaint {
 public:
  explicit complaint(const decode_limits& limits) : limits_(limits) {}

  const decode_limits& limits() const { return limits_; }
  bool none() const { return text_.empty(); }
  void say(std::string text) {
    if (none()) text_ = std::move(text);
  }
  std::string& text() { return text_; }

 private:
  const decode_limits& limits_;
  std::string text_;
};

/// A field of this name that the schema does not have, at any depth.
bool has_unknown_fields(const google::protobuf::Message& message) {
  const auto& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  return std::ranges::any_of(fields, [&](const auto* field) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) return false;
    if (!field->is_repeated()) return has_unknown_fields(reflection.GetMessage(message, field));
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (has_unknown_fields(reflection.GetRepeatedMessage(message, field, i))) return true;
    }
    return false;
  });
}

shared_bytes payload(const std::string& bytes, const char* field, complaint& wrong) {
  const auto most = wrong.limits().max_payload;
  if (bytes.size() > most) {
    wrong.say(fmt::format("{} has {} bytes, allowed are {}", field, bytes.size(), most));
    return {};
  }
  return shared_bytes::copy_of(bytes);
}

core::entry_kind kind_of(int number, const char* field, complaint& wrong) {
  if (number < 0 || number > std::to_underlying(core::last_entry_kind)) {
    wrong.say(fmt::format("{} is {}, which is unknown", field, number));
    return {};
  }
  return core::entry_kind(number);
}

/// The length of a list, within the limits.
std::size_t length_of(int items, const char* field, complaint& wrong) {
  const auto length = static_cast<std::size_t>(items);
  if (length > wrong.limits().max_entries) {
    wrong.say(
        fmt::format("{} has {} items, allowed are {}", field, length, wrong.limits().max_entries));
  }
  return length;
}

core::request_vote take(const rpc::RequestVote& from, complaint& /*wrong*/) {
  return {term(from.term()), log_index(from.last_log_index()), term(from.last_log_term()),
          from.pre_vote(), from.leadership_transfer()};
}

core::request_vote_response take(const rpc::RequestVoteResponse& from, complaint& /*wrong*/) {
  return {term(from.term()), from.vote_granted(), from.pre_vote()};
}

core::entry take(const rpc::Entry& from, complaint& wrong) {
  core::entry e{log_index(from.index()), term(from.term()),
                kind_of(from.kind(), "append_entries.entries.kind", wrong), log_time{from.time()},
                payload(from.payload(), "append_entries.entries.payload", wrong)};
  if (e.kind == core::entry_kind::configuration) {
    const auto decoded = core::decode_configuration(e.payload.span());
    if (!decoded) {
      wrong.say("append_entries.entries.payload is wrong: " + decoded.error().message);
    }
  }
  return e;
}

core::append_entries take(const rpc::AppendEntries& from, complaint& wrong) {
  core::append_entries m{term(from.term()),
                         log_index(from.prev_log_index()),
                         term(from.prev_log_term()),
                         log_index(from.leader_commit()),
                         from.round(),
                         {}};
  m.entries.reserve(length_of(from.entries_size(), "append_entries.entries", wrong));
  for (const auto& e : from.entries()) {
    if (!wrong.none()) break;
    m.entries.push_back(take(e, wrong));
  }
  return m;
}

core::append_entries_response take(const rpc::AppendEntriesResponse& from, complaint& /*wrong*/) {
  return {term(from.term()),
          from.success(),
          log_index(from.match_index()),
          log_index(from.conflict_index()),
          term(from.conflict_term()),
          log_index(from.rejected_index()),
          from.round(),
          from.lease_promise()};
}

core::install_snapshot take(const rpc::InstallSnapshot& from, complaint& wrong) {
  return {term(from.term()),
          {log_index(from.last_included_index()), term(from.last_included_term()), from.size(),
           from.digest()},
          from.offset(),
          payload(from.data(), "install_snapshot.data", wrong)};
}

core::install_snapshot_response take(const rpc::InstallSnapshotResponse& from,
                                     complaint& /*wrong*/) {
  return {term(from.term()), from.success(), from.next_offset(), log_index(from.match_index())};
}

core::timeout_now take(const rpc::TimeoutNow& from, complaint& /*wrong*/) {
  return {term(from.term())};
}

core::timeout_now_response take(const rpc::TimeoutNowResponse& from, complaint& /*wrong*/) {
  return {term(from.term()), from.accepted()};
}

core::read_index take(const rpc::ReadIndex& from, complaint& /*wrong*/) {
  return {term(from.term())};
}

core::read_index_response take(const rpc::ReadIndexResponse& from, complaint& /*wrong*/) {
  return {term(from.term()), from.success(), log_index(from.index())};
}

forward_commands take(const rpc::ForwardCommands& from, complaint& wrong) {
  forward_commands m;
  m.kind = kind_of(from.kind(), "forward_commands.kind", wrong);
  if (m.kind != core::entry_kind::command && m.kind != core::entry_kind::session) {
    wrong.say("forward_commands.kind is neither COMMAND nor SESSION");
  }
  m.commands.reserve(length_of(from.commands_size(), "forward_commands.commands", wrong));
  for (const auto& command : from.commands()) {
    m.commands.push_back(payload(command, "forward_commands.commands", wrong));
  }
  return m;
}

error_code code_of(const std::string& name, complaint& wrong) {
  if (const auto known = error_code_named(name)) return *known;
  wrong.say("forward_commands.outcomes.failure.code is not the name of an error");
  return {};
}

command_outcome take(const rpc::Outcome& from, complaint& wrong) {
  switch (from.outcome_case()) {
    case rpc::Outcome::kAnswer:
      return payload(from.answer(), "forward_commands.outcomes.answer", wrong);
    case rpc::Outcome::kFailure:
      return std::unexpected(error{code_of(from.failure().code(), wrong), from.failure().message(),
                                   node_id(from.failure().leader())});
    default:
      wrong.say("forward_commands.outcomes says neither answer nor failure");
      return {};
  }
}

forward_commands_response take(const rpc::ForwardCommandsResponse& from, complaint& wrong) {
  forward_commands_response m;
  m.outcomes.reserve(length_of(from.outcomes_size(), "forward_commands.outcomes", wrong));
  for (const auto& outcome : from.outcomes()) m.outcomes.push_back(take(outcome, wrong));
  m.covered_by = log_index(from.covered_by());
  return m;
}

rpc_request take_one(const rpc::Request& from, complaint& wrong) {
  switch (from.request_case()) {
    case rpc::Request::kRequestVote:
      return take(from.request_vote(), wrong);
    case rpc::Request::kAppendEntries:
      return take(from.append_entries(), wrong);
    case rpc::Request::kInstallSnapshot:
      return take(from.install_snapshot(), wrong);
    case rpc::Request::kTimeoutNow:
      return take(from.timeout_now(), wrong);
    case rpc::Request::kReadIndex:
      return take(from.read_index(), wrong);
    case rpc::Request::kForwardCommands:
      return take(from.forward_commands(), wrong);
    default:
      wrong.say("the request names no message");
      return {};
  }
}

rpc_response take_one(const rpc::Response& from, complaint& wrong) {
  switch (from.response_case()) {
    case rpc::Response::kRequestVote:
      return take(from.request_vote(), wrong);
    case rpc::Response::kAppendEntries:
      return take(from.append_entries(), wrong);
    case rpc::Response::kInstallSnapshot:
      return take(from.install_snapshot(), wrong);
    case rpc::Response::kTimeoutNow:
      return take(from.timeout_now(), wrong);
    case rpc::Response::kReadIndex:
      return take(from.read_index(), wrong);
    case rpc::Response::kForwardCommands:
      return take(from.forward_commands(), wrong);
    default:
      wrong.say("the response names no message");
      return {};
  }
}

template <class Message, class Rpc>
result<Rpc> decode(const shared_bytes& bytes, const decode_limits& limits) {
  if (bytes.size() > std::numeric_limits<int>::max()) {
    return fail(error_code::malformed, "the message is longer than 2 GiB");
  }
  if (protobuf::has_more_fields(bytes, limits.max_entries + most_fields)) {
    return fail(error_code::malformed,
                fmt::format("a list has more than {} items", limits.max_entries));
  }
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(error_code::malformed, "the bytes are not a message of Protocol Buffers");
  }
  if (has_unknown_fields(message)) {
    return fail(error_code::malformed, "the message has a field that is not known");
  }
  complaint wrong(limits);
  auto rpc = take_one(message, wrong);
  if (!wrong.none()) return fail(error_code::malformed, std::move(wrong.text()));
  return rpc;
}

}  // namespace

result<rpc_request> protobuf_serializer::decode_request(const shared_bytes& bytes,
                                                        const decode_limits& limits) const {
  return decode<rpc::Request, rpc_request>(bytes, limits);
}

result<rpc_response> protobuf_serializer::decode_response(const shared_bytes& bytes,
                                                          const decode_limits& limits) const {
  return decode<rpc::Response, rpc_response>(bytes, limits);
}

}  // namespace mainstay
