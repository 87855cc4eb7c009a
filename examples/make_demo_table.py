"""Make a table of bike rentals, invented but with the habits of a real one, to try `ebbflow train` on.

    python examples/make_demo_table.py [FOLDER]

writes bikes.csv (4,000 rows) and bikes-new.csv (500 rows, of hours that bikes.csv does not have), the same every time.

The rule behind the rentals is far from linear: people commute at 8 and 17 on working days and ride in the afternoon on
other days; they like 24 degrees and dry weather, and the hill only downwards. Counts are Poisson distributed, so even
the true rule has an error of about the square root of the count. Some cells are missing, as they are in life.
"""

import csv
import datetime
import sys
from pathlib import Path

import numpy as np

STATIONS = {"Harbour": 1.0, "Hill": 0.35, "Old town": 0.8, "University": 0.65}
WEATHER = {"clear": 1.0, "cloudy": 0.85, "rain": 0.35, "snow": 0.15}
HEADER = ["date", "hour", "station", "weather", "temperature", "humidity", "wind", "holiday", "rentals"]
FIRST_DAY, DAYS = datetime.date(2023, 1, 1), 731
SEED = 2024


def main(folder: Path) -> None:
    """Write both tables into `folder`."""
    random = np.random.default_rng(SEED)
    rows = make_rows(random, 4_500)
    for name, part in {"bikes.csv": rows[:4_000], "bikes-new.csv": rows[4_000:]}.items():
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([HEADER, *part])
        print(f"Made {folder / name}: {len(part):,} rows")


def make_rows(random: np.random.Generator, count: int) -> list[list[object]]:
    """`count` different combinations of day, hour and station, in random order, as rows under HEADER."""
    picks = random.choice(DAYS * 24 * len(STATIONS), count, replace=False)
    day, hour, station = picks // (24 * len(STATIONS)), picks // len(STATIONS) % 24, picks % len(STATIONS)
    holiday = np.isin(day, random.choice(DAYS, 25, replace=False))

    season = -np.cos(2 * np.pi * (day - 20) / 365.25)
    temperature = 11 + 10 * season + 4 * np.sin(2 * np.pi * (hour - 9) / 24) + random.normal(0, 3.5, count)
    wind = random.gamma(3.0, 4.0, count)
    humidity = np.clip(65 - 12 * season + random.normal(0, 12, count), 20, 100)
    weather = pick_weather(random, temperature, humidity)

    demand = expected_rentals(day, hour, station, weather, temperature, humidity, wind, holiday)
    rentals = random.poisson(demand)
    dates = [(FIRST_DAY + datetime.timedelta(days=int(d))).isoformat() for d in day]
    columns = [
        dates,
        hour.tolist(),
        [list(STATIONS)[i] for i in station],
        with_gaps(random, [list(WEATHER)[i] for i in weather], 0.03),
        with_gaps(random, [f"{value:.1f}" for value in temperature], 0.05),
        [f"{value:.0f}" for value in humidity],
        with_gaps(random, [f"{value:.1f}" for value in wind], 0.02),
        ["true" if value else "false" for value in holiday],
        with_gaps(random, rentals.tolist(), 0.005),
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def pick_weather(random: np.random.Generator, temperature: np.ndarray, humidity: np.ndarray) -> np.ndarray:
    """Codes into WEATHER: wet air brings clouds, then rain, which is snow below freezing."""
    wetness = (humidity - 65) / 15 + random.normal(0, 1, len(humidity))
    return np.select([(wetness > 1.2) & (temperature < 0), wetness > 1.2, wetness > 0], [3, 2, 1], default=0)


def expected_rentals(
    day: np.ndarray,
    hour: np.ndarray,
    station: np.ndarray,
    weather: np.ndarray,
    temperature: np.ndarray,
    humidity: np.ndarray,
    wind: np.ndarray,
    holiday: np.ndarray,
) -> np.ndarray:
    """The mean number of rentals of an hour: the rule to be learned."""
    weekday = (day + FIRST_DAY.weekday()) % 7
    working = (weekday < 5) & ~holiday
    commute = 320 * np.exp(-(((hour - 8) / 1.4) ** 2)) + 380 * np.exp(-(((hour - 17.5) / 2.0) ** 2))
    leisure = 300 * np.exp(-(((hour - 14.5) / 4.0) ** 2))
    habit = np.where(working, commute + 0.3 * leisure, leisure + 0.1 * commute) + 8

    comfort = 0.15 + np.exp(-(((temperature - 24) / 14) ** 2)) * (1 - 0.004 * np.maximum(humidity - 60, 0))
    breeze = 1 / (1 + (wind / 30) ** 2)
    growth = 1 + 0.3 * day / DAYS
    return (
        habit
        * comfort
        * breeze
        * growth
        * np.array([*STATIONS.values()])[station]
        * np.array([*WEATHER.values()])[weather]
    )


def with_gaps(random: np.random.Generator, values: list[object], share: float) -> list[object]:
    """The same values with about `share` of them missing."""
    return [None if gap else value for value, gap in zip(values, random.random(len(values)) < share, strict=True)]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
