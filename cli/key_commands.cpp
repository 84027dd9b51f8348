/// Requests on keys, and their replies in words.
#include "cli/key_commands.hpp"

#include <ostream>
#include <utility>

#include <fmt/format.h>

namespace mainstay::cli {

namespace {

request put_request(const put_options& options) {
  request r{{"SET", options.key, options.value}, true, false};
  switch (options.condition) {
    case put_condition::always:
      break;
    case put_condition::if_absent:
      r.arguments.emplace_back("NX");
      break;
    case put_condition::if_present:
      r.arguments.emplace_back("XX");
      break;
    case put_condition::if_equals:
      r.arguments.emplace_back("IFEQ");
      r.arguments.push_back(options.expected);
      break;
  }
  return r;
}

exit_code unexpected_reply(const output& to, std::string_view wanted) {
  return print_failure(to,
                       {exit_code::unknown, fmt::format("the server's reply is not {}", wanted)});
}

}  // namespace

exit_code run_put(const common_options& common, const put_options& options, const output& to,
                  const sender& send) {
  const auto reply = send_request(common.endpoints, put_request(options), send);
  if (!reply) return print_failure(to, reply.error());
  const bool written = reply->type == resp_reply::kind::simple;
  if (!written && reply->type != resp_reply::kind::nil) return unexpected_reply(to, "OK");

  if (to.json) {
    print_json(to, {{"outcome", "done"}, {"written", written}});
  } else {
    to.out << (written ? "OK\n" : "not written: the condition does not hold\n");
  }
  return written ? exit_code::done : exit_code::not_found;
}

exit_code run_get(const common_options& common, const get_options& options, const output& to,
                  const sender& send) {
  const request r{{"GET", options.key}, false, options.stale};
  const auto reply = send_request(common.endpoints, r, send);
  if (!reply) return print_failure(to, reply.error());
  const bool found = reply->type == resp_reply::kind::bulk;
  if (!found && reply->type != resp_reply::kind::nil) return unexpected_reply(to, "a value");

  if (to.json) {
    nlohmann::ordered_json object{{"outcome", "done"}, {"found", found}};
    if (found) put_bytes(object, "value", reply->text);
    print_json(to, object);
  } else if (found) {
    to.out << reply->text << (options.raw ? "" : "\n");
  } else {
    to.err << "mainstayctl: no such key\n";
  }
  return found ? exit_code::done : exit_code::not_found;
}

exit_code run_delete(const common_options& common, const delete_options& options, const output& to,
                     const sender& send) {
  request r{{"DEL"}, true, false};
  r.arguments.insert(r.arguments.end(), options.keys.begin(), options.keys.end());
  const auto reply = send_request(common.endpoints, r, send);
  if (!reply) return print_failure(to, reply.error());
  if (reply->type != resp_reply::kind::integer) return unexpected_reply(to, "a number");

  if (to.json) {
    print_json(to, {{"outcome", "done"}, {"deleted", reply->number}});
  } else {
    to.out << fmt::format("deleted {}\n", reply->number);
  }
  return reply->number > 0 ? exit_code::done : exit_code::not_found;
}

}  // namespace mainstay::cli
