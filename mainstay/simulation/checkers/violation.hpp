/// What a checker throws: which property broke, at which node, and a sentence with the indexes and
/// terms that show it.
#pragma once

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "mainstay/base/ids.hpp"

namespace mainstay::simulation {

/// The properties that checkers hold. The first five are the paper's (figure 3).
enum class property : std::uint8_t {
  election_safety,
  leader_append_only,
  log_matching,
  leader_completeness,
  state_machine_safety,
  single_vote,
  commit_validity,
  ordering,
  durability,
  persistence_before_response,
  exactly_once,
  configuration,
  memory,
  read_freshness,
  linearizability,
  liveness,
};

/// The name as it stands in messages: "election safety".
std::string_view name_of(property p);

/// A property was broken. `what()` begins with the property's name.
class violation : public std::runtime_error {
 public:
  /// `node`: where it showed; none when it is nobody's in particular.
  violation(property broken, node_id node, const std::string& sentence);

  property broken() const { return broken_; }
  node_id node() const { return node_; }

 private:
  property broken_;
  node_id node_;
};

namespace detail {

inline std::string text_of(std::string_view text) { return std::string(text); }
std::string text_of(std::integral auto number) { return std::to_string(number); }
template <class Tag>
std::string text_of(strong_id<Tag> id) {
  return std::to_string(id.value());
}

}  // namespace detail

/// Joins words, numbers and ids: sentence("node ", id, " lost index ", index).
template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::string joined;
  ((joined += detail::text_of(parts)), ...);
  return joined;
}

}  // namespace mainstay::simulation
