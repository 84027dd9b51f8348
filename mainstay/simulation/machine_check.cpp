#include "mainstay/simulation/machine_check.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>

#include "mainstay/simulation/machine_cluster.hpp"
#include "mainstay/simulation/machine_finding.hpp"

namespace mainstay::simulation {

namespace {

/// What comes before the first entry; far from zero, as times of the epoch are.
constexpr log_time beginning{1'000'000'000};

std::string quoted(std::string_view bytes) {
  constexpr std::size_t most = 60;
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : bytes.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += "\\x";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  return text + (bytes.size() > most ? "…\"" : "\"");
}

template <class Saver>
std::string image_of(Saver&& saver, std::size_t command) {
  auto image = detail::image_of(saver);
  if (!image)
    throw machine_finding("snapshots", command, "it cannot save: " + image.error().message);
  return *std::move(image);
}

/// Checks one machine, without any cluster, with the commands of one seed.
class lone_check {
 public:
  lone_check(const detail::machine_maker& make, const machine_subject& subject, std::uint64_t seed,
             std::size_t commands)
      : make_(make), subject_(subject), random_(seed) {
    log_time now = beginning;
    for (std::size_t i = 1; i <= commands; ++i) {
      now.microseconds += static_cast<std::int64_t>(random_.below(4) * random_.below(800'000));
      script_.push_back({log_index(i), now, subject_.command(random_)});
    }
  }

  void run() {
    tell_the_story();
    check_determinism();
    check_batches();
    check_frozen_states();
    for (std::size_t point = 0; point <= script_.size(); ++point) check_snapshot(point);
    check_time();
  }

 private:
  /// What was seen after a command.
  struct chapter {
    std::string answer;
    std::string image;
    shared_bytes request;
    std::string reading;
  };

  std::string answer_of(tested_machine& machine, const applied_command& c) const {
    const auto answer = machine.apply(c);
    if (answer) return std::string(answer->text());
    throw machine_finding("determinism", c.index.value(),
                          "it fails, which stops a replica: " + answer.error().message);
  }
  std::string reading_of(tested_machine& machine, const shared_bytes& request,
                         std::size_t command) const {
    const auto answer = machine.query(request);
    if (answer) return std::string(answer->text());
    throw machine_finding("queries", command, "a query fails: " + answer.error().message);
  }

  /// The run that all others are compared with.
  void tell_the_story() {
    tested_machine machine = make_();
    story_.push_back(chapter_of(machine, 0, ""));
    for (const auto& c : script_) {
      auto answer = answer_of(machine, c);
      story_.push_back(chapter_of(machine, c.index.value(), std::move(answer)));
    }
  }

  chapter chapter_of(tested_machine& machine, std::size_t command, std::string answer) {
    chapter now{.answer = std::move(answer), .image = image_of(machine, command)};
    if (!subject_.query) return now;
    now.request = subject_.query(random_);
    now.reading = reading_of(machine, now.request, command);
    if (image_of(machine, command) == now.image) return now;
    throw machine_finding(
        "queries", command,
        "a query after it, " + quoted(now.request.text()) + ", changes the state");
  }

  /// Applies the commands behind `point`, and compares.
  void follow(tested_machine& machine, std::size_t point, const char* property,
              const std::string& who) {
    for (std::size_t i = point; i < script_.size(); ++i) {
      const auto& expected = story_[i + 1];
      const auto answer = answer_of(machine, script_[i]);
      if (answer != expected.answer) {
        throw machine_finding(
            property, i + 1,
            who + " answers it with " + quoted(answer) + ", not with " + quoted(expected.answer));
      }
      if (image_of(machine, i + 1) != expected.image) {
        throw machine_finding(property, i + 1, who + " has another state after it");
      }
      compare_reading(machine, i + 1, property, who);
    }
  }

  void compare_reading(tested_machine& machine, std::size_t command, const char* property,
                       const std::string& who) {
    const auto& expected = story_[command];
    if (!subject_.query || reading_of(machine, expected.request, command) == expected.reading) {
      return;
    }
    throw machine_finding(
        property, command,
        who + " answers the query " + quoted(expected.request.text()) + " differently after it");
  }

  void check_determinism() {
    tested_machine machine = make_();
    if (image_of(machine, 0) != story_[0].image) {
      throw machine_finding("determinism", 0, "two new machines have different states");
    }
    follow(machine, 0, "determinism", "a second machine");
  }

  void check_batches() {
    tested_machine machine = make_();
    const std::span commands(script_);
    for (std::size_t begun = 0; begun < commands.size();) {
      const auto size = std::min<std::size_t>(1 + random_.below(9), commands.size() - begun);
      std::vector<shared_bytes> answers(size);
      const auto applied = machine.apply(commands.subspan(begun, size), std::span(answers));
      const auto batch = "a batch of " + std::to_string(size) + " that begins with command " +
                         std::to_string(begun + 1);
      if (!applied) throw machine_finding("batches", begun + 1, batch + " fails");
      for (std::size_t i = 0; i < size; ++i) {
        const auto& expected = story_[begun + i + 1].answer;
        if (answers[i].text() == expected) continue;
        throw machine_finding("batches", begun + i + 1,
                              "in " + batch + ", it is answered with " + quoted(answers[i].text()) +
                                  ", and alone with " + quoted(expected));
      }
      begun += size;
      if (image_of(machine, begun) != story_[begun].image) {
        throw machine_finding("batches", begun,
                              batch + " leaves another state than the same commands one by one");
      }
    }
  }

  void check_frozen_states() {
    tested_machine machine = make_();
    std::vector<detail::frozen_functions> frozen;
    frozen.push_back(machine.freeze());
    for (const auto& c : script_) {
      answer_of(machine, c);
      frozen.push_back(machine.freeze());
    }
    for (std::size_t i = 0; i < frozen.size(); ++i) {
      if (image_of(frozen[i], i) == story_[i].image) continue;
      throw machine_finding("snapshots", i,
                            "the state that was frozen after it is not the same later");
    }
  }

  /// In pieces of every size.
  result<void> restore(tested_machine& machine, std::string_view image) {
    return machine.restore([&](std::span<std::byte> room) -> result<std::size_t> {
      const auto size = std::min({room.size(), image.size(), 1 + random_.below(24)});
      if (size > 0) std::memcpy(room.data(), image.data(), size);
      image.remove_prefix(size);
      return size;
    });
  }

  void check_snapshot(std::size_t point) {
    const auto& image = story_[point].image;
    tested_machine machine = make_();
    if (random_.below(2) == 0) {  // what is there before must not matter
      for (std::size_t i = random_.below(script_.size()); i < script_.size(); ++i) {
        answer_of(machine, script_[i]);
      }
    }
    check_refusal(point);
    if (const auto restored = restore(machine, image); !restored) {
      throw machine_finding("snapshots", point,
                            "its own image is refused: " + restored.error().message);
    }
    if (image_of(machine, point) != image) {
      throw machine_finding("snapshots", point,
                            "what was saved after it restores to another state");
    }
    const auto who = "a machine restored from the snapshot after command " + std::to_string(point);
    compare_reading(machine, point, "snapshots", who);
    follow(machine, point, "snapshots", who);
  }

  /// A beginning of an image may be taken for one; refusing it must change nothing.
  void check_refusal(std::size_t point) {
    const std::string_view image = story_[point].image;
    if (image.empty()) return;
    tested_machine machine = make_();
    const auto before = image_of(machine, point);
    if (!restore(machine, image.substr(0, random_.below(image.size()))) &&
        image_of(machine, point) != before) {
      throw machine_finding("snapshots", point,
                            "an image that ends too early is refused, but changes the state");
    }
  }

  /// A leader sends an entry for the time for as long as something is to expire.
  void check_time() {
    constexpr int most = 10'000;
    tested_machine machine = make_();
    for (const auto& c : script_) answer_of(machine, c);
    for (int steps = 0; const auto next = machine.next_expiry(); ++steps) {
      if (steps == most) {
        throw machine_finding("time", script_.size(),
                              "something is to expire again and again, whatever time it is");
      }
      machine.advance_time(*next);
    }
  }

  const detail::machine_maker& make_;
  const machine_subject& subject_;
  random_generator random_;
  std::vector<applied_command> script_;
  std::vector<chapter> story_;
};

}  // namespace

std::string machine_report::text() const {
  if (found) {
    return found->property + " does not hold: seed " + std::to_string(found->seed) + ", command " +
           std::to_string(found->command) + ": " + found->text;
  }
  return "sound: " + std::to_string(commands) + " commands, " + std::to_string(snapshots) +
         " snapshots; in clusters " + std::to_string(operations) + " operations, " +
         std::to_string(faults) + " faults, " + std::to_string(undecided) + " histories undecided";
}

machine_report detail::check_tested_machine(const machine_maker& make,
                                            const machine_subject& subject,
                                            const machine_check_options& options) {
  machine_report report;
  for (std::uint64_t i = 0; i < options.seeds && !report.found; ++i) {
    const std::uint64_t seed = options.first_seed + i;
    try {
      lone_check(make, subject, seed, options.commands).run();
      report.commands += options.commands;
      report.snapshots += options.commands + 1;
      check_in_cluster(make, subject, seed, options, report);
    } catch (const machine_finding& found) {
      report.found = {found.property, seed, found.command, found.what()};
    } catch (const std::exception& thrown) {
      report.found = {"exceptions", seed, 0, thrown.what()};
    }
  }
  return report;
}

}  // namespace mainstay::simulation
