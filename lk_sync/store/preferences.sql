-- name: of_user
-- Everything a person has chosen.
SELECT name, value FROM preferences WHERE user_code = :user_code ORDER BY name;

-- name: choose!
-- The latest choice counts; the same one again changes nothing.
INSERT INTO preferences (user_code, name, value, chosen_at) VALUES (:user_code, :preference, :value, :now)
ON CONFLICT (user_code, name) DO UPDATE SET value = excluded.value, chosen_at = excluded.chosen_at
WHERE preferences.value <> excluded.value;
