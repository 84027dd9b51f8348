#include "sim/trace.hpp"

#include <type_traits>
#include <variant>

namespace mainstay::sim {

namespace {

std::string quoted(std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string all = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') all += '\\';
    if (byte >= 0x20 && byte < 0x7f) {
      all += c;
    } else {
      all += "\\u00";
      all += digits[byte >> 4U];
      all += digits[byte & 15U];
    }
  }
  return all + '"';
}

void add(std::string& line, std::string_view name, std::string_view text) {
  line += ",\"";
  line += name;
  line += "\":";
  line += quoted(text);
}

void add(std::string& line, std::string_view name, std::uint64_t number) {
  line += ",\"";
  line += name;
  line += "\":";
  line += std::to_string(number);
}

void add_raw(std::string& line, std::string_view name, std::string_view json) {
  line += ",\"";
  line += name;
  line += "\":";
  line += json;
}

/// What of a message helps to follow a run.
struct message_text {
  std::string operator()(const core::request_vote& m) const {
    return std::string(m.pre_vote ? "pre_vote" : "request_vote") + " term=" + text(m.term) +
           " last=" + text(m.last_log_index) + "/" + text(m.last_log_term);
  }
  std::string operator()(const core::request_vote_response& m) const {
    return "vote term=" + text(m.term) + (m.vote_granted ? " granted" : " refused");
  }
  std::string operator()(const core::append_entries& m) const {
    return "append_entries term=" + text(m.term) + " prev=" + text(m.prev_log_index) + "/" +
           text(m.prev_log_term) + " entries=" + std::to_string(m.entries.size()) +
           " commit=" + text(m.leader_commit);
  }
  std::string operator()(const core::append_entries_response& m) const {
    return "appended term=" + text(m.term) + (m.success ? " match=" + text(m.match_index) : " no");
  }
  std::string operator()(const core::read_index&) const { return "read_index"; }
  std::string operator()(const core::read_index_response&) const { return "read_index_response"; }
  std::string operator()(const forward_commands& m) const {
    return "forward_commands count=" + std::to_string(m.commands.size());
  }
  std::string operator()(const forward_commands_response&) const { return "forwarded"; }
  template <class Other>
  std::string operator()(const Other&) const {
    return "other";
  }
  template <class Id>
  static std::string text(Id id) {
    return std::to_string(id.value());
  }
};

}  // namespace

trace_writer::trace_writer(std::ostream& out, const simulation::schedule& what, instant beginning)
    : out_(out), beginning_(beginning) {
  std::string first = "{\"format\":\"mainstay-trace\",\"version\":1";
  add(first, "seed", what.seed);
  add(first, "nodes", what.nodes);
  add(first, "faults", what.faults.size());
  write(std::move(first));
}

std::string trace_writer::line(instant when, node_id node, std::string_view kind) const {
  std::string text = "{\"time\":" + std::to_string((when - beginning_).count());
  if (node) add(text, "node", node.value());
  add(text, "kind", kind);
  return text;
}

void trace_writer::write(std::string line) {
  line += "}\n";
  out_ << line;
}

void trace_writer::role(instant when, node_id node, const core::leadership& is, log_index commit) {
  auto text = line(when, node, "role");
  add(text, "role", std::string_view(core::name_of(is.role)));
  add(text, "term", is.term.value());
  add(text, "leader", is.leader.value());
  add(text, "commit", commit.value());
  write(std::move(text));
}

void trace_writer::message(instant when, const simulation::message_step& step) {
  auto text = line(when, step.from, name_of(step.what));
  add(text, "to", step.to.value());
  add(text, "call", step.call);
  if (step.request != nullptr) add(text, "rpc", std::visit(message_text{}, *step.request));
  if (step.response != nullptr) add(text, "rpc", std::visit(message_text{}, *step.response));
  write(std::move(text));
}

void trace_writer::disk(instant when, node_id node,
                        const simulation::finished_operation& operation) {
  auto text = line(when, node, "disk");
  add(text, "operation", name_of(operation.what));
  add(text, "path", operation.path);
  add(text, "bytes", operation.bytes);
  add(text, "begins", static_cast<std::uint64_t>((operation.time.begins - beginning_).count()));
  add(text, "ends", static_cast<std::uint64_t>((operation.time.ends - beginning_).count()));
  add_raw(text, "failed", operation.failed ? "true" : "false");
  write(std::move(text));
}

void trace_writer::begins(instant when, std::size_t number, node_id node,
                          const simulation::client_operation& operation) {
  auto text = line(when, node, "client_begins");
  add(text, "number", number);
  add(text, "client", operation.client);
  add(text, "operation", operation.name);
  add(text, "key", operation.key);
  add(text, "argument", operation.argument);
  if (operation.expected) add(text, "expected", *operation.expected);
  write(std::move(text));
}

void trace_writer::ends(instant when, std::size_t number,
                        const simulation::client_operation& operation) {
  auto text = line(when, {}, "client_ends");
  add(text, "number", number);
  add(text, "client", operation.client);
  add(text, "outcome", name_of(operation.outcome));
  if (operation.result) add(text, "result", *operation.result);
  write(std::move(text));
}

void trace_writer::fault(instant when, bool begins, const simulation::active_fault& one) {
  auto text = line(when, {}, begins ? "fault_begins" : "fault_ends");
  add(text, "fault", simulation::name_of(one.what->kind));
  add_raw(text, "strength", std::to_string(one.what->strength));
  add(text, "length", static_cast<std::uint64_t>(one.what->length.count()));
  std::string list;
  for (const auto id : one.nodes) list += (list.empty() ? "" : ",") + std::to_string(id.value());
  for (const auto& [from, to] : one.edges) {
    list += (list.empty() ? "[" : ",[") + std::to_string(from.value()) + "," +
            std::to_string(to.value()) + "]";
  }
  add_raw(text, one.edges.empty() ? "nodes" : "edges", "[" + list + "]");
  write(std::move(text));
}

void trace_writer::log(instant when, node_id node, std::string_view component,
                       std::string_view event, std::span<const log_field> fields) {
  auto text = line(when, node, "log");
  add(text, "component", component);
  add(text, "text", simulation::line_of(node, event, fields));
  write(std::move(text));
}

void trace_writer::note(instant when, node_id node, std::string_view kind, std::string_view what) {
  auto text = line(when, node, kind);
  add(text, "text", what);
  write(std::move(text));
}

}  // namespace mainstay::sim
