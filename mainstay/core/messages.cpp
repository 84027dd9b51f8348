#include "mainstay/core/messages.hpp"

namespace mainstay::core {

bool is_request(const message& m) { return m.index() % 2 == 0; }

mainstay::term term_of(const message& m) {
  return std::visit([](const auto& one) { return one.term; }, m);
}

}  // namespace mainstay::core
