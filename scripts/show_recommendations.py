"""Shows the output of `waypost recommend --explain --json` for people: show_recommendations.py FILE [CATALOGUE]"""
import json
import sys

REASONS = 2


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        results = json.load(file)["results"]
    titles = {}
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            titles = {item["id"]: item["title"] for item in map(json.loads, file)}
    sys.stdout.reconfigure(encoding="utf-8")
    for result in results:
        print(f"\nfor {result['user']}")
        for rank, item in enumerate(result["items"], 1):
            name = item.get("title") or titles.get(item["item"]) or item["item"]
            print(f"  {rank}  {item['score']:6.3f}  {name}")
            reasons = [reason for reason in item.get("because") or [] if abs(reason["amount"]) >= 0.0005]
            for reason in reasons[:REASONS]:
                name = titles.get(reason["item"]) or reason["item"]
                print(f"       {reason['amount']:+7.3f}  because of {name}")
        if result.get("reason"):
            print(f"  ({result['reason']})")


if __name__ == "__main__":
    main()
