#include "cli/admin_call.hpp"

#include <ostream>

#include <fmt/format.h>

namespace mainstay::cli {

namespace {

/// The code that a problem names; by the status where it names none that is known.
error_code code_of(unsigned status, std::string_view name) {
  if (const auto code = error_code_named(name)) return *code;
  if (status == 404 || status == 405) return error_code::unsupported;
  return status < 500 ? error_code::invalid_argument : error_code::unreachable;
}

result<nlohmann::ordered_json> answer_of(const endpoint& server, const http_reply& reply) {
  auto json = nlohmann::ordered_json::parse(reply.body, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return fail(error_code::malformed, fmt::format("{}: HTTP status {}, and no JSON object",
                                                   to_string(server), reply.status));
  }
  if (reply.status == 200) return json;
  const auto text = [&](const char* name) {
    return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : "";
  };
  return fail(code_of(reply.status, text("code")),
              fmt::format("{}: {}", to_string(server), text("detail")));
}

/// Whether another node may be asked the same: this one has surely not done it, and another might.
/// Whoever answers that a peer is unreachable was the right one to ask.
bool may_ask_another(error_code code, bool has_answered) {
  return code == error_code::not_leader || code == error_code::shutting_down ||
         (code == error_code::unreachable && !has_answered);
}

}  // namespace

result<nlohmann::ordered_json> admin_call(const common_options& common,
                                          const http_question& question) {
  result<nlohmann::ordered_json> last = fail(error_code::unreachable, "no admin port was given");
  for (const auto& server : common.admin_endpoints) {
    const auto reply = http_call(server, question, common.timeout);
    last = reply ? answer_of(server, *reply) : std::unexpected(reply.error());
    if (last || !may_ask_another(last.error().code, reply.has_value())) return last;
  }
  return last;
}

exit_code print_failed_action(const output& to, const error& why) {
  if (to.json) {
    print_json(to, {{"error", name_of(why.code)}, {"message", why.message}});
  } else {
    to.err << "mainstayctl: " << why.message << '\n';
  }
  // Who may not come is told before anything is done.
  const bool surely_not = why.code == error_code::wrong_identity;
  if (!surely_not && outcome_of(why.code) == outcome::unknown) return exit_code::unknown;
  const bool wrong = why.code == error_code::invalid_argument ||
                     why.code == error_code::unsupported || why.code == error_code::malformed ||
                     why.code == error_code::wrong_identity;
  return wrong ? exit_code::invalid : exit_code::unavailable;
}

}  // namespace mainstay::cli
