#include "server/readiness.hpp"

#include <utility>
#include <vector>

#include "mainstay/machines/key_value/command.hpp"

namespace mainstay::server {

void readiness_probe::ask(duration patience, handler done) {
  byte_arena arena(64);
  std::vector<shared_bytes> requests;
  requests.push_back(encode(arena, keyspace::operation::size, {}));
  auto answer = [way = way_.entrance(), done = std::move(done)](const outcomes& found) {
    result<void> ready;
    if (!found.front()) ready = std::unexpected(found.front().error());
    way->post([done, ready] { done(ready); });
  };
  cluster_.query(std::move(requests), read_terms{}, cluster_.now() + patience, std::move(answer));
}

}  // namespace mainstay::server
