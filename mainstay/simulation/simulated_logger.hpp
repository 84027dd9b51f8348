/// What simulated nodes say, with who says it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/base/ids.hpp"
#include "mainstay/seams/diagnostic_logger.hpp"

namespace mainstay::simulation {

/// Takes what nodes log; see `diagnostic_logger`.
using log_sink = std::function<void(node_id, log_level, std::string_view component,
                                    std::string_view event, std::span<const log_field>)>;

/// Satisfies `diagnostic_logger`; without a sink it discards everything.
class simulated_logger {
 public:
  /// `sink` must outlive it.
  simulated_logger(const log_sink& sink, node_id node) : sink_(sink), node_(node) {}

  bool enabled(log_level) const { return static_cast<bool>(sink_); }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields) const {
    if (sink_) sink_(node_, level, component, event, fields);
  }

 private:
  const log_sink& sink_;
  node_id node_;
};

/// A line to read: "node 2: became leader term=3".
std::string line_of(node_id node, std::string_view event, std::span<const log_field> fields);

}  // namespace mainstay::simulation
