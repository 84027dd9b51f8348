/// The node of the world, compiled once for all tests that live in it.
#include "tests/node/world.hpp"

namespace mainstay {

template class detail::replica<testing::world_types>;
template class node<testing::world_types>;

}  // namespace mainstay
