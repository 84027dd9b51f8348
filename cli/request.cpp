/// The rules of asking several endpoints, apart from any network so that they can be tested.
#include "cli/request.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cli/resp_client.hpp"

namespace mainstay::cli {

namespace {

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.starts_with(word) && (text.size() == word.size() || text[word.size()] == ' ');
}

exit_code meaning_of_error_reply(std::string_view text) {
  if (starts_with_word(text, "UNAVAILABLE")) return exit_code::unavailable;
  if (starts_with_word(text, "UNKNOWN")) return exit_code::unknown;
  return exit_code::invalid;
}

/// The failure that an attempt came to, or nothing when it brought a reply.
std::optional<request_failure> failure_of(const endpoint& server,
                                          const result<resp_reply>& attempt) {
  const auto where = to_string(server);
  if (!attempt) {
    const bool not_sent = attempt.error().code == error_code::unreachable;
    return request_failure{
        not_sent ? exit_code::unavailable : exit_code::unknown,
        not_sent ? attempt.error().message : fmt::format("{}: {}", where, attempt.error().message)};
  }
  if (attempt->type != resp_reply::kind::error) return std::nullopt;
  return request_failure{meaning_of_error_reply(attempt->text),
                         fmt::format("{}: {}", where, attempt->text)};
}

}  // namespace

sender network_sender(std::chrono::milliseconds timeout) {
  return [timeout](const endpoint& server, const request& r) -> result<resp_reply> {
    resp_client client(timeout);
    if (auto connected = client.connect(server); !connected) {
      return std::unexpected(connected.error());
    }
    if (r.stale) {
      auto agreed = client.call({"MAINSTAY", "CONSISTENCY", "stale"});
      if (!agreed || agreed->type == resp_reply::kind::error) return agreed;
    }
    return client.call(r.arguments);
  };
}

request_result send_request(const std::vector<endpoint>& endpoints, const request& r,
                            const sender& send) {
  request_failure all{exit_code::unavailable, {}};
  for (const auto& server : endpoints) {
    auto attempt = send(server, r);
    auto failure = failure_of(server, attempt);
    if (!failure) return std::move(*attempt);

    all.message += (all.message.empty() ? "" : "; ") + failure->message;
    if (failure->code == exit_code::unavailable) continue;
    if (failure->code == exit_code::unknown && !r.changes_state) continue;
    all.code = failure->code;
    return std::unexpected(std::move(all));
  }
  return std::unexpected(std::move(all));
}

}  // namespace mainstay::cli
