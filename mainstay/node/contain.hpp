/// The wall between a user's code and the node: what it throws becomes an error.
#pragma once

#include <exception>
#include <string>

#include "mainstay/base/error.hpp"

namespace mainstay::detail {

/// Gives what `work()` gives. What a state machine throws is its failure like any other, and ends
/// nothing else: `apply_failed`, with what it says.
template <class Work>
auto contain(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& thrown) {
    return fail(error_code::apply_failed, std::string("it threw: ") + thrown.what());
  } catch (...) {
    return fail(error_code::apply_failed, "it threw something that is no std::exception");
  }
}

}  // namespace mainstay::detail
